// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import NIOCore
import ServiceMesh
import Testing

@testable import MeshHTTP

@Suite("Load reports apart from answers, on real sockets", .timeLimit(.minutes(5)))
struct LoadReportIntegrationTests {
    private typealias Answer = LoopbackLoadServer.Answer

    private func subscription(_ endpoint: Endpoint) -> LoadReportSubscription {
        var endpoint = endpoint
        endpoint.connection.httpVersion = .http2
        endpoint.connection.maximumRequests = 1
        return LoadReportSubscription(
            endpoint: endpoint,
            call: LoadReportCall(period: .seconds(10)),
            authority: "reviews"
        )
    }

    /// Everything that a call brings, in words, and how it ends.
    private func follow(_ endpoint: Endpoint, _ source: HTTPLoadReportSource) async -> [String] {
        let heard = Recorder<String>()
        let ending = await source.follow(subscription(endpoint)) { report in
            switch report {
            case .success(let report): heard.append("\(report.requestsPerSecond)/\(report.cpuUtilization)")
            case .failure: heard.append("unreadable")
            }
        }
        switch ending {
        case .notImplemented?: heard.append("not implemented")
        case .failed(let reason)?: heard.append(reason)
        case nil: heard.append("nothing")
        }
        return heard.all
    }

    @Test("are read as they come, until the call ends")
    func reports() async throws {
        let (one, two) = (
            LoopbackLoadServer.frame(cpu: 0.5, requests: 100), LoopbackLoadServer.frame(cpu: 0.25, requests: 50)
        )
        let answers = [
            Answer(frames: [one, two], status: "0"),
            Answer(frames: [Array(one.prefix(9)), Array(one.dropFirst(9)) + two], status: "14"),
            Answer(frames: [[0, 0, 0, 0, 1, 0xFF], two], status: "0"),
            Answer(frames: [one, [0, 0, 1, 0, 1]]),
            Answer(frames: [[1, 0, 0, 0, 0]]),
            Answer(status: "12"),
        ]
        try await LoopbackLoadServer.serving(answers) { server, endpoint in
            try await withTransport { transport in
                let source = HTTPLoadReportSource(transport)
                #expect(
                    await follow(endpoint, source) == ["100.0/0.5", "50.0/0.25", "the endpoint ended the stream"]
                )
                #expect(server.calls.first == [0, 0, 0, 0, 4, 10, 2, 8, 10])
                #expect(await follow(endpoint, source) == ["100.0/0.5", "50.0/0.25", "gRPC status 14"])
                #expect(
                    await follow(endpoint, source) == ["unreadable", "50.0/0.25", "the endpoint ended the stream"]
                )
                #expect(await follow(endpoint, source) == ["100.0/0.5", "a message is longer than 65536 bytes"])
                #expect(await follow(endpoint, source) == ["a message is compressed"])
                #expect(await follow(endpoint, source) == ["not implemented"])
            }
        }
    }

    @Test("are not had from who speaks no gRPC, or does not listen")
    func strangers() async throws {
        try await withTransport { transport in
            let source = HTTPLoadReportSource(transport)
            try await LoopbackHTTP2Server.serving { server in
                #expect(await follow(server.endpoint, source) == ["the answer is not gRPC"])
            }
            let port = try await LoopbackServer.closedPort()
            let gone = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: port))
            let refused = await follow(gone, source)
            #expect(refused.count == 1 && refused != ["nothing"], "\(refused)")
            await transport.shutdown(gracePeriod: .zero)
            #expect(await follow(gone, source) == ["nothing"])
        }
    }

    @Test("end when nobody wants to know any more, and the server hears of it")
    func cancelled() async throws {
        let answer = Answer(frames: [LoopbackLoadServer.frame(cpu: 0.5, requests: 100)])
        try await LoopbackLoadServer.serving([answer]) { server, endpoint in
            try await withTransport { transport in
                let source = HTTPLoadReportSource(transport)
                let reported = Signal()
                await withTaskGroup(of: LoadReportCallEnding?.self) { group in
                    group.addTask {
                        await source.follow(subscription(endpoint)) { _ in reported.set() }
                    }
                    await reported.wait()
                    #expect(server.open == 1)
                    group.cancelAll()
                    let ending = await group.next() ?? nil
                    #expect(ending == nil)
                }
                while server.open > 0 { try await transport.settle() }
            }
        }
    }

    @Test("decide where a mesh that runs sends its requests")
    func mesh() async throws {
        func answer(_ capacity: Double) -> [Answer] {
            [Answer(frames: [LoopbackLoadServer.frame(cpu: 0.5, requests: capacity / 2)])]
        }
        try await LoopbackLoadServer.serving(answer(300)) { one, first in
            try await LoopbackLoadServer.serving(answer(100)) { two, second in
                let recorder = RecordingObserver()
                let mesh = try Mesh(MeshConfiguration(observers: [recorder]))
                try await withTransport { transport in
                    let client = MeshHTTPClient(mesh: mesh, transport: transport)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try? await mesh.run() }
                        var resources = MeshResources.service(
                            on: [first.address, second.address],
                            connection: ConnectionOptions(httpVersion: .http2)
                        )
                        resources.clusters["reviews"]?.loadBalancing = .init(
                            ClientSideWeightedRoundRobin(
                                blackoutPeriod: .zero,
                                weightUpdatePeriod: .milliseconds(100),
                                outOfBandReportingPeriod: .seconds(10)
                            )
                        )
                        try mesh.apply(resources)
                        while true {
                            let before = (one.others, two.others)
                            for _ in 0..<40 { _ = try await client.get("http://reviews/") }
                            let share = (one.others - before.0, two.others - before.1)
                            if abs(share.0 - 30) <= 1, share.0 + share.1 == 40 { break }
                        }
                        group.cancelAll()
                    }
                    #expect(one.calls.count == 1 && two.calls.count == 1)
                    let reports = recorder.events.filter { if case .loadReportReceived = $0 { true } else { false } }
                    #expect(reports.count == 2)
                }
            }
        }
    }
}
