// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct FaultLayerTests {
    private let clock = ManualClock()

    private func layer(
        _ fault: FaultConfiguration?,
        over network: InMemoryTransport,
        seed: UInt64 = 1
    ) -> FaultLayer<TransportContract<InMemoryTransport>, FixedPolicy<FaultConfiguration>> {
        FaultLayer(
            TransportContract(network),
            source: FixedPolicy(fault),
            clock: clock,
            random: MeshRandom(seed: seed)
        )
    }

    @Test func `an abort answers in place of the upstream`() async {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let fault = FaultConfiguration(abort: .init(status: 418, percentage: .all))
        var context = CallContext(now: clock.now)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer(fault, over: network).send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .faultInjected && error?.localReply?.status == 418)
        #expect(network.sent.isEmpty)
    }

    @Test func `a share of requests is aborted, the same for the same seed`() async {
        var shares: [Int] = []
        for _ in 0..<2 {
            let network = InMemoryTransport([.status(200)], clock: clock)
            let layer = layer(
                FaultConfiguration(abort: .init(status: 503, percentage: .init(numerator: 10))),
                over: network
            )
            for _ in 0..<10_000 {
                var context = CallContext(now: clock.now)
                try? await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
            }
            shares.append(10_000 - network.sent.count)
        }
        #expect((900...1_100).contains(shares[0]))
        #expect(shares[0] == shares[1])
    }

    @Test func `faults apply only where their headers match`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let fault = FaultConfiguration(
            abort: .init(status: 500, percentage: .all),
            headers: [HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))))]
        )
        var context = CallContext(now: clock.now)
        let layer = layer(fault, over: network)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 200)
        await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(headers: [("end-user", "jason")]), context: &context)
        }
    }

    @Test(arguments: [(UInt64(5), false), (6, true)])
    func `a delay holds the request back, and the caller's deadline ends it`(delay: UInt64, isCut: Bool) async {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let layer = layer(
            FaultConfiguration(delay: .init(duration: .seconds(delay), percentage: .all)),
            over: network
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now, deadline: Deadline(.seconds(5), after: clock.now))
                let started = clock.now
                do {
                    try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
                    #expect(!isCut)
                } catch {
                    #expect(isCut && (error as? MeshError)?.code == .deadlineExceeded)
                }
                #expect(context.isDelayInjected)
                #expect(clock.now.elapsed(since: started) == .seconds(5))
            }
            await clock.waitForSleepers()
            #expect(network.sent.isEmpty)
            clock.advance(by: .seconds(5))
        }
        #expect(network.sent.count == (isCut ? 0 : 1))
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = FaultConfiguration(
            delay: .init(duration: .zero, percentage: .all),
            abort: .init(status: 199, percentage: .all)
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(error?.problems.map(\.path) == ["delay.duration", "abort.status"])
    }
}
