//! Printed parameters of ops: what is read prints back to what reads the same.

#![no_main]

use kronograph::graph::Props;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(props) = Props::parse(text) else { return };
    let printed = props.to_string();
    let again = Props::parse(&printed).expect("what was printed");
    assert_eq!(again.to_string(), printed);
});
