//! Register rows from CSV (RFC 4180): dotted column names to nested JSON.

use super::row::{DEPTH_MAX, Row, RowError, Step};
use super::{CredentialType, Path, tree};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most columns of a CSV file, and most elements that a column can name.
const COLUMNS_MAX: usize = 1024;

impl CredentialType {
    /// A CSV record as a row: a column is a dotted path (`Accounts.0.Name`), the schema says which kind a cell is; empty cells are left out.
    /// A column that the type does not have is named by its place (`column 3`), as the header may be a record of a file without one.
    pub fn csv_row(&self, header: &[&str], cells: &[&str]) -> Result<Row, RowError> {
        if header.len() != cells.len() || header.len() > COLUMNS_MAX {
            return Err(RowError::new("", "schema"));
        }
        let mut root = Node::Object(BTreeMap::new());
        for (place, (column, cell)) in header.iter().zip(cells).enumerate() {
            let unknown = || RowError::new(format!("column {}", place.saturating_add(1)), "schema");
            let steps = self.steps(column).ok_or_else(unknown)?;
            if cell.is_empty() {
                continue;
            }
            let schemas = tree::at(&self.schema, &path_of(&steps));
            let value = cell_value(&schemas, cell).ok_or_else(|| RowError::new(*column, "schema"))?;
            root.insert(&steps, value).ok_or_else(unknown)?;
        }
        self.row(root.into_value())
    }

    /// The steps that a column's dotted name means, when the type has that path.
    fn steps(&self, column: &str) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for (at, part) in column.split('.').enumerate() {
            let named = if at == 0 { self.names.get(part) } else { None };
            steps.push(match (named, part.parse::<usize>()) {
                (Some(name), _) => Step::Name(name.clone()),
                (None, Ok(index)) if at > 0 => (index < COLUMNS_MAX).then_some(Step::Index(index))?,
                (None, _) => Step::Name(part.to_owned()),
            });
        }
        (steps.len() <= DEPTH_MAX && self.has_path(&path_of(&steps))).then_some(steps)
    }
}

fn path_of(steps: &[Step]) -> Path {
    let segment = |step: &Step| match step {
        Step::Name(name) => Some(name.clone()),
        Step::Index(_) => None,
    };
    Path(steps.iter().map(segment).collect())
}

/// A row being built of cells. Elements that no cell names are left out, so that positions need not be without gaps.
enum Node {
    Leaf(Value),
    Object(BTreeMap<String, Node>),
    Array(BTreeMap<usize, Node>),
}

impl Node {
    /// `None` when the place is taken, or of another kind.
    fn insert(&mut self, steps: &[Step], value: Value) -> Option<()> {
        let (first, rest) = steps.split_first()?;
        let fresh = || match rest.first() {
            None => Node::Leaf(Value::Null),
            Some(Step::Name(_)) => Node::Object(BTreeMap::new()),
            Some(Step::Index(_)) => Node::Array(BTreeMap::new()),
        };
        let inner = match (self, first) {
            (Node::Object(members), Step::Name(name)) => {
                if rest.is_empty() && members.contains_key(name) {
                    return None;
                }
                members.entry(name.clone()).or_insert_with(fresh)
            }
            (Node::Array(elements), Step::Index(index)) => {
                if rest.is_empty() && elements.contains_key(index) {
                    return None;
                }
                elements.entry(*index).or_insert_with(fresh)
            }
            _ => return None,
        };
        if rest.is_empty() {
            *inner = Node::Leaf(value);
            Some(())
        } else {
            inner.insert(rest, value)
        }
    }

    fn into_value(self) -> Value {
        match self {
            Node::Leaf(value) => value,
            Node::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(name, node)| (name, node.into_value()))
                    .collect::<Map<_, _>>(),
            ),
            Node::Array(elements) => elements.into_values().map(Node::into_value).collect(),
        }
    }
}

/// A cell as the kind that the schema says; a cell that may be a string is one.
fn cell_value(schemas: &[&Value], cell: &str) -> Option<Value> {
    if tree::allows(schemas, "string") {
        return Some(Value::String(cell.to_owned()));
    }
    let value: Value = serde_json::from_str(cell).ok()?;
    let fits = match &value {
        Value::Bool(_) => tree::allows(schemas, "boolean"),
        Value::Number(_) => tree::allows(schemas, "integer"),
        _ => false,
    };
    fits.then_some(value)
}
