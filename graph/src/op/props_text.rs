//! Parameters as text, read back.

use super::{Prop, Props};

/// Whether a word can be printed bare: it cannot be taken for a value of another kind, or for punctuation.
pub(super) fn is_plain(word: &str) -> bool {
    let starts_well = word.starts_with(|c: char| c.is_ascii_alphabetic());
    // Floats are read with any capitals: `nan`, `Infinity`.
    let reserved = ["none", "true", "false"].contains(&word) || word.parse::<f64>().is_ok();
    starts_well && !reserved && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// How deep lists may stand in lists. No parameter needs more, and what walks over a value descends as deep.
const DEEPEST: usize = 64;

/// Reads `{name=value, name=value}`, or nothing.
pub(super) fn parse(text: &str) -> Result<Props, String> {
    let mut rest = Reader(text.trim());
    let mut props = Props::default();
    if rest.0.is_empty() {
        return Ok(props);
    }
    rest.expect('{')?;
    loop {
        let (name, after) = rest.0.split_once('=').ok_or("a parameter has no `=`")?;
        rest.0 = after;
        props = props.with(name.trim().to_owned(), rest.value()?);
        if !rest.accept(',') {
            break;
        }
    }
    rest.expect('}')?;
    if rest.0.is_empty() { Ok(props) } else { Err(format!("`{}` stands behind the end", rest.0)) }
}

/// What is still to be read.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn accept(&mut self, token: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        self.0 = rest.map_or(self.0, str::trim_start);
        rest.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.accept(token) { Ok(()) } else { Err(format!("`{token}` is missing before `{}`", self.0)) }
    }

    /// One value. Lists may hold lists, so open ones are kept on a stack.
    fn value(&mut self) -> Result<Prop, String> {
        let mut open: Vec<Vec<Prop>> = Vec::new();
        loop {
            let mut done = if self.accept('[') {
                if !self.accept(']') {
                    if open.len() == DEEPEST {
                        return Err(format!("lists stand more than {DEEPEST} deep"));
                    }
                    open.push(Vec::new());
                    continue;
                }
                Prop::Ints(Vec::new())
            } else {
                self.atom()?
            };
            loop {
                let Some(members) = open.last_mut() else { return Ok(done) };
                members.push(done);
                if self.accept(',') {
                    break;
                }
                self.expect(']')?;
                done = Prop::list(open.pop().unwrap_or_default());
            }
        }
    }

    fn atom(&mut self) -> Result<Prop, String> {
        self.0 = self.0.trim_start();
        if self.0.starts_with('"') {
            return self.quoted();
        }
        let end = self.0.find([',', ']', '}']).unwrap_or(self.0.len());
        let (word, rest) = (self.0[..end].trim(), &self.0[end..]);
        self.0 = rest;
        Ok(match word {
            "none" => Prop::None,
            "true" => Prop::Bool(true),
            "false" => Prop::Bool(false),
            _ => match (word.parse(), word.parse()) {
                (Ok(int), _) => Prop::Int(int),
                (_, Ok(float)) => Prop::Float(float),
                _ if is_plain(word) => Prop::Word(word.to_owned().into()),
                _ => return Err(format!("`{word}` is no value")),
            },
        })
    }

    /// A word in quotes, with the escapes of Rust's debug format.
    fn quoted(&mut self) -> Result<Prop, String> {
        let mut word = String::new();
        let mut characters = self.0.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(Prop::Word(word.into()));
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, '0')) => word.push('\0'),
                    Some((_, 'u')) => word.push(code_point(&mut characters).ok_or("an escape that is no character")?),
                    Some((_, c @ ('"' | '\\' | '\''))) => word.push(c),
                    _ => return Err("an unknown escape".to_owned()),
                },
                other => word.push(other),
            }
        }
        Err("a quote is not closed".to_owned())
    }
}

/// The character of `{1f600}`, which stands behind `\u`.
fn code_point(characters: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    characters.next().filter(|&(_, c)| c == '{')?;
    let digits = characters.map(|(_, c)| c).take(9).take_while(|&c| c != '}').map(|c| c.to_digit(16));
    let code = digits.collect::<Option<Vec<u32>>>().filter(|digits| (1..=6).contains(&digits.len()))?;
    char::from_u32(code.iter().fold(0, |code, digit| 16 * code + digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let list = |members: &[Prop]| Prop::list(members.to_vec());
        let values = [
            Prop::None,
            Prop::Bool(true),
            Prop::Int(-3),
            Prop::Float(2.0),
            Prop::Float(1e300),
            Prop::Float(f64::INFINITY),
            Prop::Float(-0.5),
            Prop::Word("reduced".into()),
            Prop::Word("".into()),
            Prop::Word("none".into()),
            Prop::Word("12".into()),
            Prop::Word("ij,jk->ik \"quoted\" \\ \n".into()),
            Prop::Word("\r\t\0\u{7f}'\u{200b}e\u{301}\u{301}\u{10ffff} }".into()),
            Prop::Ints(vec![]),
            Prop::Ints(vec![1, -2]),
            list(&[Prop::None, Prop::Int(1)]),
            list(&[Prop::Ints(vec![1, 2]), Prop::Ints(vec![]), list(&[Prop::Word("x".into()), Prop::None])]),
        ];
        for value in values {
            let props = Props::default().with("first", value).with("second", 2i64);
            assert_eq!(parse(&props.to_string()).as_ref(), Ok(&props), "{props}");
        }
        assert_eq!(parse(""), Ok(Props::default()));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["{", "{}", "{a}", "{a=}", "{a=[1}", "{a=1} b", "{a=\"x}", "{a=1, }", "a=1", "{a=[1]]}", "{a=é b}"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["{a=\"\\u\"}", "{a=\"\\u{}\"}", "{a=\"\\u{d800}\"}", "{a=\"\\u{00000041}\"}", "{a=\"\\u{41\"}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_that_stand_too_deep_are_refused() {
        let nested = |depth: usize| format!("{{a={}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(1_000_000)).is_err());
    }
}
