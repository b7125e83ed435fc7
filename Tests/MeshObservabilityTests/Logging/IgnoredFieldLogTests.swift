// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryLogging
import Logging
import MeshCore
import Testing

@testable import MeshObservability

@Suite
struct IgnoredFieldLogTests {
    private static func entries(of fields: [IgnoredField]) -> [InMemoryLogHandler.Entry] {
        let handler = InMemoryLogHandler()
        let observer = MeshEventLogObserver(logger: Logger(label: "mesh") { _ in handler })
        observer.noticed(.configurationIgnored(source: "xds", fields: fields))
        return handler.entries
    }

    @Test
    func `fields without effect are a warning with path and reason`() throws {
        let field = IgnoredField(.routeConfiguration("r"), path: "virtual_hosts[0].x", reason: "is not\nsupported")
        let entry = try #require(Self.entries(of: [field]).first)
        #expect(entry.level == .warning)
        let line = #"route configuration r: virtual_hosts[0].x: is not\x0Asupported"#
        #expect(entry.message.description == "fields of the configuration have no effect: \(line)")
        #expect(entry.metadata == ["source": "xds", "fields": [.string(line)]])
    }

    @Test
    func `ten thousand of them make a bounded line`() throws {
        let fields = (0..<10_000).map { IgnoredField(.cluster("c"), path: "p\($0)", reason: "r") }
        let entry = try #require(Self.entries(of: fields).first)
        #expect(entry.message.description.hasSuffix("p99: r; and 9900 more"))
    }
}
