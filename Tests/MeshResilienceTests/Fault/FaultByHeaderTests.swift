// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Faults that requests ask for, and conditions on who gets any.
@Suite struct FaultByHeaderTests {
    private let clock = ManualClock()
    private let random = MeshRandom(seed: 1)

    private func decide(_ configuration: FaultConfiguration, _ headers: [(HeaderName, String)]) -> FaultDecision {
        FaultDecision(configuration, for: InMemoryRequest(headers: headers), using: random)
    }

    @Test(
        arguments: [
            ("300", .milliseconds(300)), ("0", nil), ("-1", nil), ("soon", nil), ("", nil),
            ("18446744073709551615", .forever),
            ("18446744073709551616", nil), (nil, nil),
        ] as [(String?, Nanoseconds?)]
    )
    func `a request says how long it is delayed`(value: String?, delay: Nanoseconds?) {
        let configuration = FaultConfiguration(delay: .init(byHeader: .all))
        let headers = value.map { [(HeaderName("x-envoy-fault-delay-request"), $0)] } ?? []
        #expect(decide(configuration, headers).delay == delay)
    }

    @Test func `the first of several values counts`() {
        let configuration = FaultConfiguration(delay: .init(byHeader: .all))
        let name = HeaderName("x-envoy-fault-delay-request")
        #expect(decide(configuration, [(name, "7"), (name, "9")]).delay == .milliseconds(7))
        #expect(decide(configuration, [(name, "x"), (name, "9")]).delay == nil)
    }

    @Test func `a request says with what it is aborted, HTTP's status before gRPC's`() {
        let configuration = FaultConfiguration(abort: .init(byHeader: .all))
        let (http, grpc) = (HeaderName("x-envoy-fault-abort-request"), HeaderName("x-envoy-fault-abort-grpc-request"))
        #expect(decide(configuration, [(http, "418")]).abort?.status == 418)
        #expect(decide(configuration, [(http, "418"), (grpc, "5")]).abort?.grpcStatus == nil)
        let second = decide(configuration, [(http, "600"), (grpc, "5")]).abort
        #expect(second?.status == 200 && second?.grpcStatus == 5)
        #expect(decide(configuration, [(http, "199")]).abort == nil && decide(configuration, []).abort == nil)
    }

    @Test(
        arguments: [
            (FractionalPercent(numerator: 50), nil, 50.0), (.init(numerator: 50), "20", 20),
            (.init(numerator: 50), "90", 50),
            (.init(numerator: 50), "x", 50), (.init(numerator: 50), "0", 0),
            (.init(numerator: 5_000, denominator: .tenThousand), "1000", 10),
        ] as [(FractionalPercent, String?, Double)]
    )
    func `a request may ask for a smaller share, counted in the configured parts`(
        share: FractionalPercent,
        wish: String?,
        percent: Double
    ) {
        let configuration = FaultConfiguration(
            delay: .init(byHeader: share),
            abort: .init(byHeader: share),
            responseRate: .init(byHeader: share)
        )
        var headers: [(HeaderName, String)] = [
            ("x-envoy-fault-delay-request", "1"), ("x-envoy-fault-abort-request", "503"),
            ("x-envoy-fault-throughput-response", "1"),
        ]
        if let wish {
            headers += [
                ("x-envoy-fault-delay-request-percentage", wish), ("x-envoy-fault-abort-request-percentage", wish),
                ("x-envoy-fault-throughput-response-percentage", wish),
            ]
        }
        let decisions = (0..<5_000).map { _ in decide(configuration, headers) }
        let counts = [
            decisions.count { $0.delay != nil }, decisions.count { $0.abort != nil },
            decisions.count { $0.responseBytesPerSecond > 0 },
        ]
        for count in counts { #expect(abs(Double(count) / 50 - percent) <= (percent == 0 ? 0 : 2.5)) }
    }

    @Test func `fields ask for nothing where the configuration does not let them`() {
        let fixed = FaultConfiguration(
            delay: .init(duration: .seconds(1), percentage: .all),
            abort: .init(status: 503, percentage: .none)
        )
        let decision = decide(
            fixed,
            [
                ("x-envoy-fault-delay-request", "5"), ("x-envoy-fault-delay-request-percentage", "0"),
                ("x-envoy-fault-abort-request", "500"), ("x-envoy-fault-throughput-response", "1"),
            ]
        )
        #expect(decision.delay == .seconds(1) && decision.abort == nil && decision.responseBytesPerSecond == 0)
    }

    @Test func `a response's rate goes down to whoever hands out the body`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let fixed = FaultConfiguration(responseRate: .init(kibibytesPerSecond: 2, percentage: .all))
        let observer = RecordingObserver()
        let injector = try FaultInjector(fixed, name: "route", observers: ObserverSet([observer]), clock: clock)
        let layer = FaultLayer(TransportContract(network), source: FixedPolicy(injector))
        var context = CallContext(now: clock.now)
        _ = try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
        #expect(context.responseBytesPerSecond == 2_048)
        #expect(observer.decisions == [PolicyDecision(.fault, name: "route", .delayed, because: .chance)])
        let byHeader = FaultConfiguration(responseRate: .init(byHeader: .all))
        #expect(decide(byHeader, [("x-envoy-fault-throughput-response", "3")]).responseBytesPerSecond == 3_072)
        #expect(decide(byHeader, [("x-envoy-fault-throughput-response", "0")]).isEmpty)
        #expect(
            decide(byHeader, [("x-envoy-fault-throughput-response", "18446744073709551615")]).responseBytesPerSecond
                == .max
        )
    }

    @Test func `only requests of the named nodes get faults`() {
        let configuration = FaultConfiguration(
            abort: .init(status: 503, percentage: .all),
            downstreamNodes: ["a", "b"]
        )
        #expect(decide(configuration, [("x-envoy-downstream-service-node", "b")]).abort != nil)
        #expect(decide(configuration, [("x-envoy-downstream-service-node", "c")]).isEmpty)
        #expect(decide(configuration, []).isEmpty)
    }

    @Test(
        arguments: [("application/grpc+proto", 200, "14"), ("application/grpc;x", 503, nil), ("text/plain", 503, nil)]
            as [(String, Int, String?)]
    )
    func `requests of gRPC are aborted in gRPC's form`(contentType: String, status: Int, grpcStatus: String?)
        async throws
    {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let abort = FaultConfiguration.Abort(status: 503, percentage: .all)
        let injector = try FaultInjector(FaultConfiguration(abort: abort), clock: clock)
        let layer = FaultLayer(TransportContract(network), source: FixedPolicy(injector))
        var context = CallContext(now: clock.now)
        let request = InMemoryRequest(headers: [("content-type", contentType)])
        let error = await #expect(throws: MeshError.self) { _ = try await layer.send(request, context: &context) }
        #expect(error?.localReply?.status == status)
        #expect(error?.localReply?.value(of: "grpc-status") == grpcStatus)
    }

    @Test func `a request suffers until its response has been read`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let configuration = FaultConfiguration(
            responseRate: .init(kibibytesPerSecond: 1, percentage: .all),
            maximumActive: 1
        )
        let injector = try FaultInjector(configuration, clock: clock)
        let layer = FaultLayer(TransportContract(network), source: FixedPolicy(injector))
        var first = CallContext(now: clock.now)
        _ = try await layer.send(InMemoryRequest(), context: &first)
        #expect(injector.activeFaults == 1 && first.responseBytesPerSecond == 1_024)
        var second = CallContext(now: clock.now)
        _ = try await layer.withResponse(to: InMemoryRequest(), context: &second) { _ in }
        #expect(second.responseBytesPerSecond == 0 && injector.activeFaults == 1)
        layer.finish(&first, .completed)
        #expect(injector.activeFaults == 0 && first.heldPermits.isEmpty)
    }

    @Test func `a request that fails behind the fault suffers no longer`() async throws {
        let network = InMemoryTransport([.refuseConnection], clock: clock)
        let configuration = FaultConfiguration(responseRate: .init(kibibytesPerSecond: 1, percentage: .all))
        let injector = try FaultInjector(configuration, clock: clock)
        let layer = FaultLayer(TransportContract(network), source: FixedPolicy(injector))
        var context = CallContext(now: clock.now)
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(injector.activeFaults == 0)
    }
}
