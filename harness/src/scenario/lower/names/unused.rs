//! Warnings of captures, participants and stubs that nothing uses.

use super::state::Walk;

impl Walk<'_, '_> {
    /// Reported after the whole scenario was walked.
    pub(super) fn unused(&mut self) {
        self.unused_captures();
        self.idle_participants();
        self.idle_stubs();
    }

    /// A stub that nobody can reach, or that does nothing.
    fn idle_stubs(&mut self) {
        let scenario = self.scenario;
        for (name, stub) in &scenario.stubs {
            if !self.seen.mentioned.contains(name) {
                let help =
                    format!("tell the server where it is: `server: {{ config: {{ …: \"{{{{ {name}.url }}}}\" }} }}`");
                self.findings.warning(stub.at, format!("nothing uses the address of the stub `{name}` is"), help);
            } else if !self.seen.acted.contains(name) && stub.listening && stub.answers.is_empty() {
                let help = "let its steps receive and reply, give it `answers`, or `listening: false`";
                self.findings.warning(stub.at, format!("the stub `{name}` answers nothing"), help);
            }
        }
    }

    /// A name that nothing uses. Snapshots use all of them: they show a captured id by its name.
    fn unused_captures(&mut self) {
        if !self.seen.shown.is_empty() {
            return;
        }
        let scenario = self.scenario;
        for spec in scenario.participants.values() {
            for readback in spec.protocol.streams.iter().filter_map(|stream| stream.readback.as_ref()) {
                self.seen.mention(&readback.get);
            }
        }
        for (at, name) in std::mem::take(&mut self.seen.captures) {
            if !self.seen.mentioned.contains(&name) {
                let help = format!(
                    "leave it out; to ask only that the value is there, write `{{ $any: true }}` for it in the pattern (or use `{{{{ {name} }}}}`)"
                );
                self.findings.warning(at, format!("the capture `{name}` is never used"), help);
            }
        }
    }

    /// Warns of a participant that nothing uses: no step, no mention, no snapshot.
    fn idle_participants(&mut self) {
        let scenario = self.scenario;
        let busy = |key: &String| {
            self.seen.acted.contains(key) || self.seen.mentioned.contains(key) || self.seen.shown.contains(key)
        };
        let mut idle = Vec::new();
        for (key, spec) in scenario.participants.iter().filter(|(key, _)| !busy(key)) {
            let group = scenario.groups.iter().find(|(_, members)| members.contains(key));
            match group {
                Some((group, members)) if self.seen.mentioned.contains(group) && members.iter().any(busy) => {}
                Some((group, members)) if !members.iter().any(busy) => {
                    if !self.seen.mentioned.contains(group) {
                        idle.push((spec.at, group.clone()));
                    }
                }
                _ => idle.push((spec.at, key.clone())),
            }
        }
        for (at, key) in idle {
            let help = "leave it out, or say what it does or that it sees nothing";
            self.findings.warning(at, format!("`{key}` does nothing in this scenario"), help);
        }
    }
}
