// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Logging
import MeshCore
import MeshTesting
import MeshXDS
import Testing

@testable import MeshControlPlane

@Suite struct AuditLogTests {
    private func text(_ fixture: AuthorityFixture, _ name: String) -> String {
        (try? String(contentsOfFile: fixture.state + "/" + name, encoding: .utf8)) ?? ""
    }

    @Test func `who asked, for what, and the verdict stand in it, and no token or key`() throws {
        let fixture = try AuthorityFixture()
        let number = try AuthorityFixture.serialNumber(try AuthorityFixture.issue(fixture.authority))
        for caller in [
            SigningCaller(), SigningCaller(bearerToken: "wrong-wrong-wrong"),
            SigningCaller(bearerToken: Samples.otherSecret),
        ] {
            #expect(throws: SigningRefusal.self) { try AuthorityFixture.issue(fixture.authority, caller: caller) }
        }
        let (audit, refused) = (text(fixture, "audit.log"), text(fixture, "refused.log"))
        #expect(audit.contains(number) && audit.contains(AuthorityFixture.reviews))
        #expect(audit.contains("token 0 of default"))
        #expect(refused.split(separator: "\n").count == 3)
        #expect(refused.contains("token 1 of other may not claim \(AuthorityFixture.reviews)"))
        for secret in [Samples.secret, Samples.otherSecret, "wrong-wrong-wrong", "PRIVATE KEY", "BEGIN"] {
            #expect(!audit.contains(secret) && !refused.contains(secret))
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: fixture.state + "/audit.log")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func `a flood of refusals leaves no more than its share`() throws {
        let fixture = try AuthorityFixture()
        for _ in 0..<200 {
            #expect(throws: SigningRefusal.self) {
                try AuthorityFixture.issue(fixture.authority, caller: SigningCaller())
            }
        }
        #expect(text(fixture, "refused.log").split(separator: "\n").count == RefusalBudget.perSecond)
        fixture.clock.advance(by: .seconds(1))
        #expect(throws: SigningRefusal.self) { try AuthorityFixture.issue(fixture.authority, caller: SigningCaller()) }
        #expect(text(fixture, "refused.log").contains(#""omitted":180"#))
    }

    @Test func `full files make room, and the oldest goes`() throws {
        let folder = try TemporaryFolder()
        let log = AuditLog(
            directory: folder.path,
            name: "audit",
            maximumSize: 1000,
            maximumFiles: 3,
            logger: Logger(label: "test")
        )
        for number in 0..<100 {
            log.append(AuditEntry(time: Date(), event: .issued, caller: "test", serialNumber: "\(number)"))
        }
        let left = log.entries().compactMap(\.serialNumber).compactMap { Int($0) }
        #expect(left.last == 99)
        #expect(left == Array((100 - left.count)..<100))
        #expect(left.count < 60)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["audit.1.log", "audit.2.log", "audit.log"])
    }

    @Test func `a caller that asks too often is told so, the others are not`() throws {
        let fixture = try AuthorityFixture(maximumRate: 2)
        for _ in 0..<2 { try AuthorityFixture.issue(fixture.authority) }
        let error = #expect(throws: SigningRefusal.self) { try AuthorityFixture.issue(fixture.authority) }
        guard case .tooMany? = error else {
            Issue.record("not refused for its rate: \(String(describing: error))")
            return
        }
        let other = SigningCaller(bearerToken: Samples.otherSecret)
        try AuthorityFixture.issue(fixture.authority, caller: other, name: "spiffe://cluster.local/ns/other/sa/ratings")
        fixture.clock.advance(by: .milliseconds(500))
        try AuthorityFixture.issue(fixture.authority)
    }
}
