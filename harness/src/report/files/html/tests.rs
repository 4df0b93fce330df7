//! Tests of the page's data.
