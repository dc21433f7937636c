//! Shapes as they are printed.

/// `(3, 4)`, `(5,)`, `()`.
pub fn shape_text(shape: &[usize]) -> String {
    let known: Vec<Option<usize>> = shape.iter().map(|&length| Some(length)).collect();
    static_shape_text(&known)
}

/// `(3, ?)`: a question mark where a length is not known.
pub(crate) fn static_shape_text(shape: &[Option<usize>]) -> String {
    let texts: Vec<String> = shape.iter().map(|length| length.map_or("?".to_owned(), |n| n.to_string())).collect();
    match texts.as_slice() {
        [only] => format!("({only},)"),
        all => format!("({})", all.join(", ")),
    }
}
