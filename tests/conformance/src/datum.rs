//! Values of cases: read, moved into variables, compared.

#![allow(clippy::unwrap_used, reason = "a file that breaks the schema fails its case")]

use kronograph::prelude::*;
use kronograph::sparse::SparseType;
use serde_json::Value as Json;

/// A value that a case gives.
#[derive(Clone)]
pub(crate) enum Datum {
    Dense(Tensor),
    Sparse(SparseMatrix),
}

fn number(json: &Json) -> f64 {
    match json.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => json.as_f64().unwrap(),
    }
}

fn sizes(json: &Json) -> Vec<usize> {
    json.as_array().unwrap().iter().map(|size| usize::try_from(size.as_u64().unwrap()).unwrap()).collect()
}

fn tensor_of(shape: &[usize], dtype: &str, data: &Json) -> Result<Tensor, String> {
    let data = data.as_array().unwrap();
    let floats = || data.iter().map(number);
    let integers = || data.iter().map(|x| x.as_i64().unwrap());
    let tensor = match dtype {
        "float64" => Tensor::new(shape, floats().collect::<Vec<f64>>()),
        "float32" => Tensor::new(shape, floats().map(|x| x as f32).collect::<Vec<f32>>()),
        "int64" => Tensor::new(shape, integers().collect::<Vec<i64>>()),
        "int8" => Tensor::new(shape, integers().map(|x| x as i8).collect::<Vec<i8>>()),
        "uint8" => Tensor::new(shape, integers().map(|x| x as u8).collect::<Vec<u8>>()),
        "int32" => Tensor::new(shape, integers().map(|x| x as i32).collect::<Vec<i32>>()),
        "bool" => Tensor::new(shape, data.iter().map(|x| x == 1 || x == true).collect::<Vec<bool>>()),
        other => return Err(format!("values of {other} are not read")),
    };
    tensor.map_err(|error| error.to_string())
}

impl Datum {
    /// A value of a case. Positions that are stored twice are summed, as their dense form is.
    pub(crate) fn read(json: &Json) -> Result<Self, String> {
        let (shape, dtype) = (sizes(&json["shape"]), json["dtype"].as_str().unwrap());
        if json["kind"] == "dense" {
            return Ok(Datum::Dense(tensor_of(&shape, dtype, &json["data"])?));
        }
        let format = if json["format"] == "csr" { Format::Csr } else { Format::Csc };
        let (indptr, indices) = (sizes(&json["indptr"]), sizes(&json["indices"]));
        let data = tensor_of(&[indices.len()], dtype, &json["data"])?;
        let shape = [shape[0], shape[1]];
        let matrix = SparseMatrix::new(format, shape, data, indices, indptr);
        matrix.map(Datum::Sparse).map_err(|error| error.to_string())
    }

    /// A dense value, which cannot be malformed.
    pub(crate) fn read_dense(json: &Json) -> Self {
        Self::read(json).unwrap()
    }

    /// The same entries with the other value's format, on the full pattern; a dense value stays dense beside a dense one.
    pub(crate) fn spread_like(&self, other: &Self) -> Self {
        let Datum::Sparse(other) = other else { return self.clone() };
        let (shape, entries) = (self.shape(), self.entries());
        let triplets: Vec<_> = (0..entries.len()).map(|k| (k / shape[1], k % shape[1], entries[k])).collect();
        Datum::Sparse(from_triplets(other.format(), other.shape(), &triplets).unwrap())
    }

    /// The same sparse matrix with the entries of each slice back to front.
    pub(crate) fn reversed(&self) -> Self {
        let Datum::Sparse(matrix) = self else { return self.clone() };
        let values = matrix.to_dtype(DType::F64).unwrap();
        let (pattern, values) = (matrix.pattern(), values.slots::<f64>().unwrap());
        let slots: Vec<usize> = (0..pattern.major()).flat_map(|slice| pattern.range(slice).rev()).collect();
        let data: Vec<f64> = slots.iter().map(|&slot| values[slot]).collect();
        let indices = slots.iter().map(|&slot| pattern.indices()[slot] as usize).collect();
        let indptr = pattern.indptr().iter().map(|&start| start as usize).collect();
        let turned = SparseMatrix::new(matrix.format(), matrix.shape(), data, indices, indptr).unwrap();
        Datum::Sparse(turned.to_dtype(matrix.dtype()).unwrap())
    }

    pub(crate) fn of(value: Box<dyn Value>) -> Self {
        let value: Box<dyn std::any::Any> = value;
        match value.downcast::<Tensor>() {
            Ok(tensor) => Datum::Dense(*tensor),
            Err(other) => Datum::Sparse(*other.downcast().unwrap()),
        }
    }

    pub(crate) fn value(&self) -> &dyn Value {
        match self {
            Datum::Dense(tensor) => tensor,
            Datum::Sparse(matrix) => matrix,
        }
    }

    /// A free variable of its type and shape.
    pub(crate) fn variable(&self, name: &str) -> Variable {
        match self {
            Datum::Dense(value) => {
                let lengths: Vec<_> = value.shape().iter().map(|&length| Some(length)).collect();
                tensor(name, value.dtype(), &lengths)
            }
            Datum::Sparse(value) => {
                Variable::input(name, SparseType::shared(value.format(), value.dtype(), value.shape().map(Some)))
            }
        }
    }

    pub(crate) fn constant(&self) -> Variable {
        match self {
            Datum::Dense(value) => constant(value.clone()),
            Datum::Sparse(value) => sparse_constant(value.clone()),
        }
    }

    pub(crate) fn shape(&self) -> Vec<usize> {
        match self {
            Datum::Dense(value) => value.shape().to_vec(),
            Datum::Sparse(value) => value.shape().to_vec(),
        }
    }

    /// The same value in f64.
    pub(crate) fn widened(&self) -> Self {
        match self {
            Datum::Dense(tensor) => Datum::Dense(tensor.to_dtype(DType::F64)),
            Datum::Sparse(matrix) => Datum::Sparse(matrix.to_dtype(DType::F64).unwrap()),
        }
    }

    /// All entries, zeros written out.
    pub(crate) fn entries(&self) -> Vec<f64> {
        let dense = match self {
            Datum::Dense(tensor) => tensor.clone(),
            Datum::Sparse(matrix) => matrix.to_dense().unwrap(),
        };
        match dense.dtype() {
            DType::F32 => dense.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
            DType::I64 => dense.to_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
            DType::I32 => dense.to_vec::<i32>().unwrap().into_iter().map(f64::from).collect(),
            DType::I8 => dense.to_vec::<i8>().unwrap().into_iter().map(f64::from).collect(),
            DType::U8 => dense.to_vec::<u8>().unwrap().into_iter().map(f64::from).collect(),
            DType::Bool => dense.to_vec::<bool>().unwrap().into_iter().map(|x| f64::from(u8::from(x))).collect(),
            DType::F64 => dense.to_vec::<f64>().unwrap(),
        }
    }

    /// Whether it has the format and dtype of what is wanted. A sparse answer may be given where the peer had a dense
    /// formulation only.
    pub(crate) fn kind_answers(&self, wanted: &Self) -> bool {
        let dtype = |datum: &Self| match datum {
            Datum::Dense(tensor) => tensor.dtype(),
            Datum::Sparse(matrix) => matrix.dtype(),
        };
        let format = |datum: &Self| match datum {
            Datum::Dense(_) => None,
            Datum::Sparse(matrix) => Some(matrix.format()),
        };
        dtype(self) == dtype(wanted) && format(wanted).is_none_or(|wanted| format(self) == Some(wanted))
    }

    pub(crate) fn describe(&self) -> String {
        self.value().describe()
    }

    pub(crate) fn is_float(&self) -> bool {
        match self {
            Datum::Dense(tensor) => matches!(tensor.dtype(), DType::F64 | DType::F32),
            Datum::Sparse(matrix) => matches!(matrix.dtype(), DType::F64 | DType::F32),
        }
    }

    /// Which entries the pattern has; all of a dense value.
    pub(crate) fn stored(&self) -> Vec<bool> {
        let Datum::Sparse(matrix) = self else { return vec![true; self.entries().len()] };
        let ones = Tensor::vector(vec![1.0; matrix.nnz()]);
        let pattern = matrix.pattern().clone();
        let ones = SparseMatrix::with_pattern(matrix.format(), matrix.shape(), pattern, ones).unwrap();
        ones.to_dense().unwrap().to_vec::<f64>().unwrap().into_iter().map(|x| x != 0.0).collect()
    }
}

/// How close is close enough.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

impl Tolerance {
    pub(crate) fn of(case: &Json) -> [Self; 2] {
        let values =
            Self { relative: case["rtol"].as_f64().unwrap(), absolute: case["atol"].as_f64().unwrap_or_default() };
        let derivatives = Self {
            relative: case["grad_rtol"].as_f64().unwrap_or(values.relative),
            absolute: case["grad_atol"].as_f64().unwrap_or(values.absolute),
        };
        [values, derivatives]
    }

    fn accepts(self, got: f64, want: f64) -> bool {
        (got.is_nan() && want.is_nan())
            || got == want
            || (want.is_finite() && (got - want).abs() <= self.absolute + self.relative * want.abs())
    }

    /// Compares where `at` says so.
    pub(crate) fn compare(self, what: &str, got: &[f64], want: &[f64], at: &[bool]) -> Result<(), String> {
        if got.len() != want.len() {
            return Err(format!("{what} has {} entries, {} are wanted", got.len(), want.len()));
        }
        let wrong = (0..got.len()).find(|&k| at[k] && !self.accepts(got[k], want[k]));
        wrong.map_or(Ok(()), |k| Err(format!("{what}, entry {k}: {:e}, wanted is {:e}", got[k], want[k])))
    }
}

/// `tril(G) + triu(G, 1)ᵀ`.
pub(crate) fn folded(entries: &[f64]) -> Vec<f64> {
    let n = entries.len().isqrt();
    let mut folded = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            folded[i.max(j) * n + i.min(j)] += entries[i * n + j];
        }
    }
    folded
}

/// The three diagonals in the middle.
pub(crate) fn tridiagonal(shape: &[usize]) -> Vec<bool> {
    let columns = shape[shape.len() - 1];
    (0..shape.iter().product()).map(|k: usize| (k / columns % columns).abs_diff(k % columns) <= 1).collect()
}

/// Factors that are unique up to signs, with those of the wanted ones: the columns of the first matrix decide, the rows
/// of later ones follow.
pub(crate) fn with_signs_of(got: &[Datum], want: &[Datum]) -> Vec<Datum> {
    let mut signs: Option<Vec<f64>> = None;
    let mut turned = Vec::new();
    for (got, want) in got.iter().zip(want) {
        let shape = got.shape();
        let (Datum::Dense(tensor), [rows, columns], true) = (got, &shape[..], got.shape() == want.shape()) else {
            turned.push(got.clone());
            continue;
        };
        let (mut entries, wanted) = (tensor.to_vec::<f64>().unwrap(), want.entries());
        let first = signs.is_none();
        let signs = signs.get_or_insert_with(|| {
            let along = |j: usize| (0..*rows).map(|i| entries[i * columns + j] * wanted[i * columns + j]).sum::<f64>();
            (0..*columns).map(|j| if along(j) < 0.0 { -1.0 } else { 1.0 }).collect()
        });
        for (k, entry) in entries.iter_mut().enumerate() {
            *entry *= signs.get(if first { k % columns } else { k / columns }).copied().unwrap_or(1.0);
        }
        turned.push(Datum::Dense(Tensor::new(&shape, entries).unwrap()));
    }
    turned
}
