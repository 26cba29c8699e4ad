use crate::table::TableDef;
/// Tables of this noun.
pub const ALL: &[&TableDef] = &[];
