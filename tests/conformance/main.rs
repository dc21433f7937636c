//! Cases with inputs, outputs and derivatives that other libraries computed.
//!
//! Every file of the folder `data` is read, and of the folder that the variable `CONFORMANCE` names, if it is set. A
//! case is run, or its op is listed as not supported yet; there is no third way.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod run;
mod table;
mod value;

use std::path::PathBuf;

use serde_json::Value as Json;

/// The folders with cases.
fn folders() -> Vec<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/data");
    std::iter::once(own).chain(std::env::var_os("CONFORMANCE").map(PathBuf::from)).collect()
}

/// The cases of all files, with the file's name.
fn cases() -> Vec<(String, Json)> {
    let mut all = Vec::new();
    for folder in folders() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        for path in files {
            let file: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.extend(file["cases"].as_array().unwrap().iter().map(|case| (name.clone(), case.clone())));
        }
    }
    all
}

#[test]
fn every_case_is_met_or_listed_as_not_supported() {
    let (mut run, mut failures) = (0, Vec::new());
    for (file, case) in cases() {
        let id = case["id"].as_str().unwrap();
        let supported = !table::is_unsupported(&case);
        let Some(build) = table::find(&case) else {
            if supported {
                failures.push(format!("{file}, {id}: `{}` is neither run nor listed as not supported", case["op"]));
            }
            continue;
        };
        if supported {
            run += 1;
            failures.extend(run::check(&case, build).err().map(|text| format!("{file}, {id}: {text}")));
        }
    }
    assert!(run > 0, "no case was run");
    assert!(failures.is_empty(), "{} of {run} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_list_of_what_is_not_supported_is_needed() {
    let cases = cases();
    for (op, _) in table::UNSUPPORTED {
        let used = cases.iter().any(|(_, case)| case["op"] == *op);
        assert!(used, "no case asks for {op}");
    }
}
