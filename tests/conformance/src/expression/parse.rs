//! From the text of an expression to a tree.

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Int(i64),
    Float(f64),
    Flag(bool),
    Name(String),
    /// A function, its arguments, its arguments by name.
    Call(String, Vec<Tree>, Vec<(String, Tree)>),
    /// `+ - * / **`, or `-` of one thing.
    Operator(&'static str, Vec<Tree>),
    Tuple(Vec<Tree>),
    Transpose(Box<Tree>),
    /// An index of integers, or of whole axes where it is `None`.
    Index(Box<Tree>, Vec<Option<i64>>),
    /// The Euclidean length.
    Length(Box<Tree>),
}

/// A chain: names defined first, then the expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    /// Names, and the call whose outputs they stand for.
    pub(crate) definition: Option<(Vec<String>, Tree)>,
    pub(crate) body: Tree,
}

type Parsed<T> = Result<T, String>;
/// Arguments, and those with names.
type Arguments = (Vec<Tree>, Vec<(String, Tree)>);

/// Reads `body`, `body with (a,b)=call`, or `body, a=call`; a remark in brackets behind the body is left out.
pub(crate) fn parse(text: &str) -> Parsed<Chain> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0 };
    let body = reader.sum()?;
    let mut definition = None;
    if reader.accept("with") || reader.accept(",") {
        let names = if reader.accept("(") { reader.names()? } else { vec![reader.name()?] };
        reader.expect("=")?;
        definition = Some((names, reader.sum()?));
    } else if reader.peek() == Some("(") {
        reader.at = reader.tokens.len();
    }
    match reader.peek() {
        None => Ok(Chain { definition, body }),
        Some(token) => Err(format!("`{token}` stands where the end of the expression should be")),
    }
}

impl Tree {
    /// The names of variables in the order of appearance, each once.
    pub(crate) fn names(&self, found: &mut Vec<String>) {
        match self {
            Tree::Name(name) if !found.contains(name) => found.push(name.clone()),
            Tree::Name(_) | Tree::Int(_) | Tree::Float(_) | Tree::Flag(_) => {}
            Tree::Call(_, arguments, _) | Tree::Operator(_, arguments) | Tree::Tuple(arguments) => {
                arguments.iter().for_each(|tree| tree.names(found));
            }
            Tree::Transpose(tree) | Tree::Index(tree, _) | Tree::Length(tree) => tree.names(found),
        }
    }
}

fn tokens(text: &str) -> Parsed<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = if first.is_ascii_digit() || first.is_ascii_alphabetic() {
            let all = rest.find(|c| !word(c)).unwrap_or(rest.len());
            // `X.T` is a name and what is done to it.
            if first.is_ascii_digit() { all } else { rest[..all].find('.').unwrap_or(all) }
        } else if rest.starts_with("**") || rest.starts_with(".T") {
            2
        } else if "+-*/^()[],:=|".contains(first) {
            1
        } else {
            return Err(format!("`{first}` is no part of an expression"));
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.accept(token) { Ok(()) } else { Err(format!("`{token}` is missing before {:?}", self.peek())) }
    }

    fn name(&mut self) -> Parsed<String> {
        let name = self.peek().filter(|token| token.starts_with(|c: char| c.is_ascii_alphabetic()));
        let name = name.ok_or_else(|| format!("a name is missing before {:?}", self.peek()))?.to_owned();
        self.at += 1;
        Ok(name)
    }

    fn names(&mut self) -> Parsed<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.accept(",") {
            names.push(self.name()?);
        }
        self.expect(")")?;
        Ok(names)
    }

    fn sum(&mut self) -> Parsed<Tree> {
        let mut left = self.product()?;
        while let Some(sign) = self.one_of(["+", "-"]) {
            left = Tree::Operator(sign, vec![left, self.product()?]);
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Tree> {
        let mut left = self.signed()?;
        while let Some(sign) = self.one_of(["*", "/"]) {
            left = Tree::Operator(sign, vec![left, self.signed()?]);
        }
        Ok(left)
    }

    fn one_of(&mut self, signs: [&'static str; 2]) -> Option<&'static str> {
        signs.into_iter().find(|sign| self.accept(sign))
    }

    fn signed(&mut self) -> Parsed<Tree> {
        if self.accept("-") {
            return Ok(Tree::Operator("-", vec![self.signed()?]));
        }
        let base = self.postfix()?;
        if self.accept("**") || self.accept("^") {
            return Ok(Tree::Operator("**", vec![base, self.signed()?]));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Parsed<Tree> {
        let mut tree = self.primary()?;
        loop {
            if self.accept(".T") {
                tree = Tree::Transpose(Box::new(tree));
            } else if self.accept("[") {
                tree = Tree::Index(Box::new(tree), self.index()?);
            } else {
                return Ok(tree);
            }
        }
    }

    fn index(&mut self) -> Parsed<Vec<Option<i64>>> {
        let mut places = Vec::new();
        loop {
            places.push(if self.accept(":") {
                None
            } else {
                let sign = if self.accept("-") { -1 } else { 1 };
                let place: i64 = self.peek().and_then(|token| token.parse().ok()).ok_or("an index is missing")?;
                self.at += 1;
                Some(sign * place)
            });
            if !self.accept(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(places)
    }

    fn primary(&mut self) -> Parsed<Tree> {
        if self.accept("|") {
            let inner = self.sum()?;
            self.expect("|")?;
            return Ok(Tree::Length(Box::new(inner)));
        }
        if self.accept("(") {
            let (mut members, _) = self.arguments()?;
            return Ok(if members.len() == 1 { members.remove(0) } else { Tree::Tuple(members) });
        }
        if self.accept("[") {
            let mut members = vec![self.sum()?];
            while self.accept(",") {
                members.push(self.sum()?);
            }
            self.expect("]")?;
            return Ok(Tree::Tuple(members));
        }
        let token = self.peek().ok_or("the expression ends too soon")?.to_owned();
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            let number = token.parse().map(Tree::Int).or_else(|_| token.parse().map(Tree::Float));
            return number.map_err(|_| format!("`{token}` is no number"));
        }
        let name = self.name()?;
        match name.as_str() {
            "True" | "False" => Ok(Tree::Flag(name == "True")),
            // A space before a bracket is not kept, but a remark is never a function's argument list.
            _ if self.peek() == Some("(") && !self.remark_follows() => {
                self.at += 1;
                let (arguments, named) = self.arguments()?;
                Ok(Tree::Call(name, arguments, named))
            }
            _ => Ok(Tree::Name(name)),
        }
    }

    /// Two words in a row inside brackets: no expression has those.
    fn remark_follows(&self) -> bool {
        let word =
            |at: usize| self.tokens.get(at).is_some_and(|token| token.starts_with(|c: char| c.is_ascii_alphabetic()));
        word(self.at + 1) && word(self.at + 2)
    }

    /// Arguments up to the closing bracket.
    fn arguments(&mut self) -> Parsed<Arguments> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        loop {
            if self.tokens.get(self.at + 1).is_some_and(|token| token == "=") {
                let name = self.name()?;
                self.expect("=")?;
                named.push((name, self.sum()?));
            } else {
                positional.push(self.sum()?);
            }
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok((positional, named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let mut found = Vec::new();
        let chain = parse(text).unwrap_or_else(|rule| panic!("{text}: {rule}"));
        chain.body.names(&mut found);
        found.join(" ")
    }

    #[test]
    fn chains_are_read() {
        assert_eq!(names("sum(tanh(dot(x, W) + b)**2)"), "x W b");
        assert_eq!(names("x*2 (y unused)"), "x");
        assert_eq!(names("solve(dot(X.T,X), dot(X.T,y), assume_a=pos)"), "X y");
        assert_eq!(names("dot(v*exp(w), v.T) with (w,v)=eigh(A)"), "v w");
        assert_eq!(names("-0.5*|solve_triangular(cholesky(S), x-m)|^2 - sum(log(diag(cholesky(S))))"), "S x m");
        let chain = parse("sum(log(w)), w=eigvalsh(A)").expect("a chain");
        assert_eq!(chain.definition.expect("a definition").0, ["w"]);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "f(", "a +", "a b", "f(a))", "a[x]", "1.2.3", "§"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
