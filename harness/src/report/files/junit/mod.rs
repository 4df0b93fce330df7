//! JUnit's XML, as the schema `junit-10.xsd` of Jenkins' xUnit plugin has it: a suite is a folder, a test case a label.
//!
//! That schema gives a test case neither `file` nor properties; they stand in its `system-out`, a line each, in the
//! form that many readers know: `[[PROPERTY|name=value]]`, `[[ATTACHMENT|path]]`.

mod report;
mod test_case;
#[cfg(test)]
mod tests;
mod xml;

pub use report::JunitReport;
