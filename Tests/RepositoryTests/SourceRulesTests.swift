// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

/// The bans of the project's style, checked on its own files.
@Suite
struct SourceRulesTests {
    @Test
    func `the checks see the repository`() {
        let targets = Set(Repository.files.compactMap(\.target))
        #expect(targets.isSuperset(of: ["MeshCore", "MeshRouting", "MeshXDS", "MeshObservability", "ServiceMesh"]))
        #expect(Repository.files.count > 200)
        #expect(Repository.files.contains { $0.path == ".ci/run" })
    }

    @Test(arguments: Rule.all)
    func `a rule holds everywhere but where it may be broken`(rule: Rule) {
        let exemptions = Exemptions.all.filter { $0.rule.statement == rule.statement }
        for file in Repository.files where rule.applies(file) {
            for line in rule.violations(file) where !exemptions.contains(where: { $0.covers(line, of: file) }) {
                let text = line <= file.lines.count ? file.lines[line - 1].trimmed : ""
                Issue.record("\(rule.statement)\n  \(file.path):\(line): \(text)")
            }
        }
    }

    @Test
    func `every exemption is needed and has a reason`() {
        for exemption in Exemptions.all {
            let file = Repository.files.first { $0.path == exemption.path && exemption.rule.applies($0) }
            let isNeeded = file.map { file in
                exemption.rule.violations(file).contains { exemption.covers($0, of: file) }
            }
            #expect(isNeeded == true, "nothing in \(exemption.path) breaks “\(exemption.rule.statement)” any more")
            #expect(!exemption.reason.isEmpty)
        }
    }
}
