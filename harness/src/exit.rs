//! Exit codes.

use std::process::ExitCode;

use crate::event::Summary;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything passed.
    Passed,
    /// A scenario failed, a snapshot included; its server died; it was flaky where that fails; the run took too long; or a
    /// part of it or a report is missing.
    Failed,
    /// Usage, configuration, or a scenario file is wrong.
    Invalid,
    /// A server couldn't be started or reached.
    NoServer,
    /// Nothing was selected, or nothing that was selected was played.
    Nothing,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// What a run's numbers mean. When several apply: interrupted, no server, failed. A server that died under the
    /// scenarios failed them; one behind a URL that went away is as one that was never reached.
    pub fn of(summary: &Summary) -> Self {
        if summary.interrupted {
            Self::Interrupted
        } else if summary.no_server > 0 || summary.unreachable {
            Self::NoServer
        } else if summary.lacks_tests() {
            Self::Nothing
        } else if summary.is_bad() {
            Self::Failed
        } else {
            Self::Passed
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::NoServer => 3,
            Self::Nothing => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_reasons_the_gravest_gives_the_code() {
        let good = Summary { passed: 1, ..Summary::default() };
        let failed = Summary { failed: 1, ..good.clone() };
        let no_server = Summary { no_server: 1, ..failed.clone() };
        let unreachable = Summary { not_run: 1, unreachable: true, ..good.clone() };
        let died = Summary { not_run: 1, ..good.clone() };
        let interrupted = Summary { interrupted: true, ..no_server.clone() };
        let codes = [good, failed, died, no_server, unreachable, interrupted].map(|summary| Exit::of(&summary).code());
        assert_eq!(codes, [0, 1, 1, 3, 3, 130]);
        let skipped = Summary { skipped: 2, ..Summary::default() };
        assert_eq!(Exit::of(&skipped), Exit::Nothing);
        assert_eq!(Exit::of(&Summary { pass_with_no_tests: true, ..skipped }), Exit::Passed);
        assert_eq!((Exit::Invalid.code(), Exit::Nothing.code()), (2, 4));
    }
}
