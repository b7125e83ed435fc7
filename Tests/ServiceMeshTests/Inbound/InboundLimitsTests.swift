// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import ServiceMesh
import Synchronization
import Testing

@Suite struct InboundLimitsTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func mesh(sources: [any ConfigSource] = [], isDisabled: Bool = false) throws -> Mesh {
        try Mesh(MeshConfiguration(observers: [observer], isDisabled: isDisabled), sources: sources, clock: clock)
    }

    private func get(_ path: String, _ headers: [(String, String)] = []) -> InMemoryRequest {
        InMemoryRequest(path: path, headers: headers.map { (HeaderName($0.0), $0.1) })
    }

    @Test func `one request too many is refused, and counted until it has ended`() async throws {
        let stack = InboundStack(
            mesh: try mesh(),
            address: address,
            configuration: InboundConfiguration(maximumConcurrentRequests: 2)
        )
        var contexts = [stack.begin(get("/")), stack.begin(get("/"))]
        for index in contexts.indices {
            try await stack.admit(get("/"), peerIdentity: nil, context: &contexts[index])
        }
        var third = stack.begin(get("/"))
        let error = await #expect(throws: MeshError.self) {
            try await stack.admit(get("/"), peerIdentity: nil, context: &third)
        }
        #expect(error?.code == .overflow && error?.localReply?.status == 503)
        #expect(error?.localReply?.headers == [.init("x-envoy-overloaded", "true")])
        stack.end(third, status: 503, peerIdentity: nil, error: error)
        #expect(observer.requests.last?.flags == [.upstreamOverflow])
        stack.end(contexts[0], status: 200, peerIdentity: nil, error: nil)
        var fourth = stack.begin(get("/"))
        try await stack.admit(get("/"), peerIdentity: nil, context: &fourth)
        #expect(stack.drain.requestsUnderWay == 2)
    }

    @Test func `a server lives always, and is ready with its configuration, its condition and no drain`() throws {
        let source = FixedConfigSource(MeshResources())
        let mesh = try mesh(sources: [source])
        let flag = Flag()
        let stack = InboundStack(
            mesh: mesh,
            address: address,
            configuration: InboundConfiguration(
                livenessPath: "/livez",
                readinessPath: "/readyz",
                isReady: { flag.isSet.load(ordering: .relaxed) }
            )
        )
        func readiness() -> Int? { stack.healthReply(to: get("/readyz?verbose"))?.status }
        #expect(stack.healthReply(to: get("/livez")) == LocalReply(status: 200, body: "live"))
        #expect(readiness() == 503)
        try mesh.apply(MeshResources(), from: source.name)
        #expect(readiness() == 503)
        flag.isSet.store(true, ordering: .relaxed)
        #expect(readiness() == 200 && stack.isReady)
        stack.drain.beginDraining()
        #expect(readiness() == 503 && !stack.isReady)
        #expect(stack.healthReply(to: get("/livez"))?.status == 200)
        #expect(stack.healthReply(to: get("/other")) == nil)
        #expect(stack.drain.requestsUnderWay == 0 && observer.requests.isEmpty)
    }

    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    @Test func `health is answered while the mesh is disabled, and only where paths are configured`() throws {
        let disabled = try mesh(sources: [FixedConfigSource(MeshResources())], isDisabled: true)
        let health = InboundConfiguration(readinessPath: "/readyz")
        #expect(
            InboundStack(mesh: disabled, address: address, configuration: health)
                .healthReply(to: get("/readyz"))?.status == 200
        )
        #expect(InboundStack(mesh: disabled, address: address).healthReply(to: get("/readyz")) == nil)
    }

    @Test(arguments: [
        ([("x-envoy-expected-rq-timeout-ms", "250")], Nanoseconds.milliseconds(250)),
        ([("grpc-timeout", "2S")], .seconds(2)), ([("grpc-timeout", "100m")], .milliseconds(100)),
        ([("grpc-timeout", "99999999H")], .seconds(86_400)), ([("grpc-timeout", "7u")], Nanoseconds(rawValue: 7000)),
        ([("grpc-timeout", "1M"), ("x-envoy-expected-rq-timeout-ms", "1")], .milliseconds(1)),
        ([("grpc-timeout", "5n"), ("x-envoy-expected-rq-timeout-ms", "1")], Nanoseconds(rawValue: 5)),
    ])
    func `the caller's deadline is the shorter of both headers`(
        headers: [(String, String)],
        expected: Nanoseconds
    ) throws {
        let stack = InboundStack(mesh: try mesh(), address: address)
        let context = stack.begin(get("/", headers))
        #expect(stack.timeLeft(context) == expected)
        let lenient = InboundStack(
            mesh: try mesh(),
            address: address,
            configuration: InboundConfiguration(enforcesCallerDeadline: false)
        )
        #expect(lenient.timeLeft(context) == nil)
    }

    @Test(arguments: ["", "S", "1", "123456789S", "1x", "-1S", "+1S", "1.5S", " 1S"])
    func `a deadline of nonsense is none`(value: String) throws {
        let stack = InboundStack(mesh: try mesh(), address: address)
        #expect(stack.timeLeft(stack.begin(get("/", [("grpc-timeout", value)]))) == nil)
        #expect(stack.timeLeft(stack.begin(get("/", [("x-envoy-expected-rq-timeout-ms", value + "?")]))) == nil)
    }
}
