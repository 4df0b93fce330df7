//! The JSON Schema of a line of an event file, made from the types themselves, and the page that describes it.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Event, VERSION};

/// The schema, of draft 2020-12. It allows fields that it doesn't know, as readers do.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Event>().to_value();
    if let Value::Object(map) = &mut schema {
        map.insert(
            "title".to_owned(),
            Value::from(format!("A line of an event file of Roundtable, version {VERSION}")),
        );
    }
    schema
}
