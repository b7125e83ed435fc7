// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshTesting
import Testing

@testable import ServiceMesh

/// Load reports apart from answers, of a mesh that runs in virtual time.
@Suite struct LoadReportDriverTests {
    @Test func `endpoints are weighted by what they report, and what they answer does not count`() async throws {
        let mesh = try ReportedMesh { sent, _ in
            // Answers say the opposite.
            let load = sent.endpoint?.port == 2 ? 0.01 : 0.99
            let report = "TEXT rps_fractional:100,cpu_utilization:\(load)"
            return .respond(InMemoryResponse(200, headers: ["endpoint-load-metrics": report]))
        }
        try await mesh.running {
            try mesh.apply([1, 2, 3])
            await mesh.until { mesh.source.open == [1, 2, 3] }
            _ = await mesh.send(30)
            for (port, capacity) in [(1, 400), (2, 200), (3, 400)] as [(UInt16, Double)] {
                mesh.source.report(capacity: capacity, of: port)
            }
            await mesh.until { mesh.events.count == 3 }
            #expect(Set(mesh.events) == ["1 reported", "2 reported", "3 reported"])
            mesh.fixture.clock.advance(by: .seconds(1))
            let shares = await mesh.send(500)
            for (port, expected) in [(1, 200), (2, 100), (3, 200)] as [(UInt16, Int)] {
                #expect(abs((shares[port] ?? 0) - expected) <= 2, "\(shares)")
            }
            #expect(mesh.explained(2).contains("reported weight 200.0"))
            #expect(mesh.explained(2).contains("1 out-of-band report, the last 1.0 seconds ago"))
            // Without further reports the weights expire.
            mesh.fixture.clock.advance(by: .seconds(180))
            #expect(await mesh.send(300) == [1: 100, 2: 100, 3: 100])
        }
    }

    @Test func `blackout holds for these reports, too`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1, 2], blackout: .seconds(10))
            await mesh.until { mesh.source.open == [1, 2] }
            mesh.source.report(capacity: 300, of: 1)
            mesh.source.report(capacity: 100, of: 2)
            await mesh.until { mesh.events.count == 2 }
            mesh.fixture.clock.advance(by: .seconds(2))
            #expect(await mesh.send(200) == [1: 100, 2: 100])
            mesh.fixture.clock.advance(by: .seconds(9))
            let shares = await mesh.send(400)
            #expect(abs((shares[1] ?? 0) - 300) <= 2)
        }
    }

    @Test func `calls have connections of their own, by HTTP/2, and say who is meant`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1], period: .seconds(5)) {
                $0.connection.httpVersion = .http1
                $0.discovery = .fixed(
                    EndpointAssignment(
                        name: "v1",
                        localities: [
                            LocalityEndpoints(endpoints: [
                                ClusterEndpoint(Given.address(1), hostname: "one.example"),
                                ClusterEndpoint(Given.address(2)),
                            ])
                        ]
                    )
                )
            }
            await mesh.until { mesh.source.open == [1, 2] }
            let call = try #require(mesh.source.calls(1).first?.subscription)
            #expect(call.endpoint.cluster == "v1 (load reports)")
            #expect(call.endpoint.connection.httpVersion == .http2)
            #expect(call.endpoint.connection.maximumRequests == 1)
            #expect(call.call.period == .seconds(5))
            #expect(call.authority == "one.example")
            #expect(mesh.source.calls(2).first?.subscription.authority == "10.0.0.1:2")
        }
    }

    @Test func `a call that ends is made again after a while, and one that is not implemented never`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.until { mesh.source.open == [1, 2] }
            mesh.source.say(.end(.failed("gRPC status 14")), of: 1)
            mesh.source.say(.end(.notImplemented), of: 2)
            await mesh.until { mesh.events.count == 2 }
            #expect(Set(mesh.events) == ["1 failed: gRPC status 14", "2 refused"])
            #expect(mesh.explained(1).contains("no load reports: gRPC status 14; asked again in"))
            #expect(mesh.explained(2).contains("no load reports: it does not implement them"))
            await mesh.pass(30) { mesh.source.calls(1).count == 2 }
            let times = mesh.source.calls(1).map { Double($0.at.nanoseconds) / 1e9 }
            #expect(times.count == 2 && times[1] - times[0] >= 0.8)
            await mesh.pass(20) { false }
            // A push that changes neither its address nor its connection is no reason to ask anew.
            try mesh.apply([1, 2]) { $0.panicThreshold = 10 }
            await mesh.pass(20) { false }
            #expect(mesh.source.calls(2).count == 1)
            #expect(mesh.events.filter { $0 == "2 refused" }.count == 1)
            #expect(mesh.source.open == [1])
        }
    }

    @Test func `who is gone is not followed any more, and who stays keeps its call`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.until { mesh.source.open == [1, 2] }
            try mesh.apply([1, 3]) { $0.concurrencyLimit.maximumPendingRequests = 7 }
            await mesh.until { mesh.source.open == [1, 3] }
            #expect(mesh.source.cancelled == 1)
            #expect(mesh.source.calls(1).count == 1)
            // Another period is another call.
            try mesh.apply([1, 3], period: .seconds(20))
            await mesh.until { mesh.source.calls(1).count == 2 && mesh.source.calls(3).count == 2 }
            #expect(mesh.source.calls(1).last?.subscription.call.period == .seconds(20))
            try mesh.apply([1, 3], period: nil)
            await mesh.until { mesh.source.cancelled == 5 }
            #expect(mesh.source.cancelled == 5)
            #expect(mesh.explained(1).contains("report") == false)
            // And one that comes back is asked again.
            try mesh.apply([1])
            await mesh.until { mesh.source.calls(1).count == 3 }
            #expect(mesh.source.calls(1).count == 3)
        }
        #expect(mesh.source.cancelled == 6)
    }

    @Test func `a call that says nothing for too long is given up and made again`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1])
            await mesh.until { mesh.source.open == [1] }
            mesh.source.report(capacity: 100, of: 1)
            await mesh.until { mesh.events.count == 1 }
            mesh.fixture.clock.advance(by: .seconds(299))
            for _ in 0..<1_000 { await Task.yield() }
            #expect(mesh.source.cancelled == 0)
            await mesh.pass(30) { mesh.source.cancelled == 1 }
            await mesh.until { mesh.events.count == 2 }
            #expect(mesh.events.last == "1 failed: no report within 300.0 seconds")
            await mesh.pass(30) { mesh.source.calls(1).count == 2 }
            #expect(mesh.source.calls(1).count == 2)
        }
    }

    @Test func `what cannot be read is counted, and the call goes on`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running {
            try mesh.apply([1])
            await mesh.until { mesh.source.open == [1] }
            mesh.source.say(.unreadable, of: 1)
            mesh.source.report(capacity: 100, of: 1)
            await mesh.until { mesh.events.count == 2 }
            #expect(mesh.events == ["1 has more than 100 metrics", "1 reported"])
            #expect(mesh.explained(1).contains("1 load reports refused"))
            #expect(mesh.source.cancelled == 0)
        }
    }

    @Test func `an event says once that nobody can ask, and whoever comes asks`() async throws {
        let mesh = try ReportedMesh()
        try await mesh.running(asking: false) {
            try mesh.apply([1, 2])
            await mesh.until { mesh.explained(1).contains("nobody can ask it for load reports") }
            await mesh.until { mesh.explained(2).contains("nobody can ask it for load reports") }
            #expect(mesh.events == ["nobody asks v1"])
            mesh.fixture.mesh.add(mesh.source)
            await mesh.until { mesh.source.open == [1, 2] }
            #expect(mesh.source.open == [1, 2])
            // It is shut down, and another one takes its place.
            mesh.source.say(.end(nil), of: 1)
            await mesh.until { mesh.explained(1).contains("nobody can ask it for load reports") }
            let other = ScriptedLoadReports(clock: mesh.fixture.clock)
            mesh.fixture.mesh.add(other)
            await mesh.until { other.open == [1] }
            #expect(other.open == [1])
            #expect(mesh.events == ["nobody asks v1"])
        }
    }

    @Test func `a mesh that does not run asks nobody, and says so`() async throws {
        let mesh = try ReportedMesh()
        mesh.fixture.mesh.add(mesh.source)
        try mesh.apply([1])
        #expect(mesh.explained(1).contains("asked for load reports once the mesh runs"))
        #expect(mesh.source.calls(1).isEmpty)
    }
}
