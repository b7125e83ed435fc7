// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Synchronization
import Testing

@Suite("A registration with a control plane", .timeLimit(.minutes(5)))
struct RegistrationIntegrationTests {
    /// A registry that answers by script and notes what it was told.
    private final class Registry: Sendable {
        let requests = Recorder<String>()
        private let script: Mutex<[String]>

        init(_ script: [String]) {
            self.script = Mutex(script)
        }

        func serve(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
            while let head = try await connection.readHead() {
                let lines = head.split(separator: "\r\n").map(String.init)
                let length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
                let body = try await connection.read(length) ?? ""
                let token = lines.contains("Authorization: Bearer token") ? "" : " without token"
                let line = lines[0].replacing(" HTTP/1.1", with: "") + token
                requests.append(body.isEmpty ? line : "\(line) \(body)")
                let answer = script.withLock { $0.isEmpty ? "200 {\"leaseSeconds\":9}" : $0.removeFirst() }
                let (status, text) = (answer.prefix(3), answer.dropFirst(4))
                try await connection.write(
                    "HTTP/1.1 \(status) X\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
                )
            }
        }
    }

    private let instance = Instance(
        id: "reviews v1/0",
        service: "reviews",
        address: "10.0.0.1",
        port: 9080,
        labels: ["app": "reviews"],
        version: "v1",
        serviceAccount: "bookinfo-reviews",
        speaksMutualTLS: true
    )

    /// Runs a registration against a scripted registry, until `body` returns.
    private func registering(
        _ script: [String],
        _ body: (Registry, ManualClock, RecordingObserver) async throws -> Void
    ) async throws -> (requests: [String], error: (any Error)?) {
        let registry = Registry(script)
        let clock = ManualClock()
        let observer = RecordingObserver()
        let error = try await LoopbackServer.serving(registry.serve) { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                let registration = InstanceRegistration(
                    controlPlane: endpoint.address,
                    token: "token",
                    instance: instance,
                    transport: transport,
                    observers: ObserverSet([observer])
                )
                return try await withThrowingTaskGroup(of: Void.self) { group -> (any Error)? in
                    group.addTask { try await registration.run() }
                    try await body(registry, clock, observer)
                    group.cancelAll()
                    do {
                        try await group.next()
                        return nil
                    } catch {
                        return error
                    }
                }
            }
        }
        return (registry.requests.all, error)
    }

    @Test("registers, renews every third of the lease, registers again when forgotten, and says farewell")
    func life() async throws {
        let script = [#"201 {"leaseSeconds":9}"#, #"200 {"leaseSeconds":9}"#, "404 ", #"201 {"leaseSeconds":6.5}"#]
        let (requests, error) = try await registering(script) { registry, clock, _ in
            for _ in 0..<3 {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(3))
            }
            await clock.waitForSleepers()
        }
        #expect(error is CancellationError)
        let path = "/v1/instances/reviews%20v1%2F0"
        let methods = requests.map { $0.prefix { $0 != "{" } }
        #expect(
            methods == [
                "POST /v1/instances ", "PUT \(path)", "PUT \(path)", "POST /v1/instances ", "PUT \(path)",
                "DELETE \(path)",
            ]
        )
        let body = try #require(requests.first)
        for field in [
            #""id":"reviews v1\/0""#, #""service":"reviews""#, #""namespace":"default""#, #""port":9080"#,
            #""labels":{"app":"reviews"}"#, #""version":"v1""#, #""serviceAccount":"bookinfo-reviews""#,
            #""protocol":"http""#, #""mutualTLS":true"#, #""address":"10.0.0.1""#,
        ] {
            #expect(body.contains(field), "\(field)")
        }
    }

    @Test("goes on through failures, and tells of them")
    func failures() async throws {
        let script = ["500 oops", "503 ", #"201 {"leaseSeconds":9}"#]
        let (requests, _) = try await registering(script) { _, clock, observer in
            for _ in 0..<2 {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(15))
            }
            await clock.waitForSleepers()
            let connected = observer.events.compactMap { event -> Bool? in
                guard case .sourceConnection("registration", let isConnected, let reason) = event else { return nil }
                #expect(isConnected == (reason == nil))
                return isConnected
            }
            #expect(connected == [false, false, true])
        }
        #expect(requests.map { $0.prefix(4) } == ["POST", "POST", "POST", "DELE"])
    }

    @Test("takes a lease of nonsense for the default one", arguments: ["{}", "nonsense", #"{"leaseSeconds":1e300}"#])
    func badLease(body: String) async throws {
        let (requests, error) = try await registering(["200 \(body)"]) { _, clock, _ in
            await clock.waitForSleepers()
        }
        #expect(error is CancellationError)
        #expect(requests.count == 2)
    }

    @Test("stops when its token is refused", arguments: [401, 403])
    func refused(status: Int) async throws {
        let registry = Registry(["\(status) no such token"])
        try await LoopbackServer.serving(registry.serve) { endpoint in
            try await withTransport { transport in
                let registration = InstanceRegistration(
                    controlPlane: endpoint.address,
                    token: "wrong",
                    instance: instance,
                    transport: transport
                )
                let error = await meshError { try await registration.run() }
                #expect(error?.code == .unauthorized)
                #expect(error?.message.contains("no such token") == true)
                #expect(registry.requests.all.count == 1)
                #expect(registry.requests.all.first?.contains("without token") == true)
            }
        }
    }
}
