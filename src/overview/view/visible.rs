//! What servers, hosts and the inventory say, made fit for every form: nothing in it steers a terminal or a page.

use super::{MemberView, View};
use crate::terminal::{is_hidden, visible};

fn text(text: &mut String) {
    if text.contains(is_hidden) {
        *text = visible(text.as_bytes(), false);
    }
}

impl View {
    /// Last of all: equal texts stay equal.
    pub(super) fn make_visible(&mut self) {
        text(&mut self.cluster);
        let own = self.leader.iter_mut().chain(&mut self.login_refused);
        let own = own.chain(&mut self.drift_unknown);
        own.chain(&mut self.drift_elsewhere).for_each(text);
        for finding in &mut self.findings {
            text(&mut finding.text);
            let rest = finding.member.iter_mut().chain(&mut finding.next);
            rest.for_each(text);
        }
        self.members.iter_mut().for_each(MemberView::make_visible);
    }
}

impl MemberView {
    fn make_visible(&mut self) {
        text(&mut self.name);
        let said = [
            &mut self.id,
            &mut self.host,
            &mut self.endpoint,
            &mut self.why,
            &mut self.version,
            &mut self.no_metrics,
        ];
        said.into_iter().flatten().for_each(text);
        let lists = self.drift.iter_mut().flatten().chain(&mut self.alarms);
        lists.for_each(text);
        let peers = std::mem::take(&mut self.peers_p95_seconds).into_iter();
        self.peers_p95_seconds = peers
            .map(|(mut peer, seconds)| {
                text(&mut peer);
                (peer, seconds)
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::three;
    use super::super::view;
    use super::*;
    use crate::overview::{page, text};

    const HOSTILE: &str = "\x1b]0;t\x07\x1b[2J\r\x08\u{202e}\u{2066}\u{9b}2J";

    /// Every text of a value that is made of the view.
    fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    found.push(key.clone());
                    texts(value, found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn nothing_that_a_server_says_steers_a_form() {
        let (mut plan, mut state) = three();
        plan.cluster = format!("c{HOSTILE}");
        for member in state.members.iter_mut().flatten() {
            member.name.push_str(HOSTILE);
        }
        for seen in state.seen.values_mut() {
            if let Some(status) = &mut seen.status {
                status.version = format!("3.5.16{HOSTILE}");
                status.errors = vec![format!("memberID:{} alarm:{HOSTILE} ", status.member_id)];
            }
            seen.health = Some(Err(format!("why {HOSTILE}")));
            seen.no_metrics = Some(HOSTILE.into());
        }
        state.drift = crate::overview::watch::Drift::Unknown(HOSTILE.into());
        let mut view = view(&plan, &state);
        assert!(view.leader.is_some() && view.members[0].version.is_some());
        assert!(!view.findings.is_empty());
        let mut found = Vec::new();
        texts(&view.to_json(true), &mut found);
        found.push(text(&view, 200, false).replace('\n', " "));
        found.push(page(&view, 1.0, false).replace('\n', " "));
        for shown in &found {
            assert!(!shown.contains(is_hidden), "{shown:?}");
        }
        assert!(found.iter().any(|text| text.contains("\\x1b]0;t")));
        // Lists that the inventory and the flow fill.
        view.members[0].drift = Some(vec![HOSTILE.into()]);
        view.members[0].peers_p95_seconds = [(HOSTILE.to_string(), None)].into();
        view.drift_elsewhere = vec![HOSTILE.into()];
        view.make_visible();
        let mut found = Vec::new();
        texts(&view.to_json(true), &mut found);
        assert!(!found.iter().any(|text| text.contains(is_hidden)));
    }
}
