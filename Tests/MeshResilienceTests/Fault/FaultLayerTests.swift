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
    ) throws -> FaultLayer<TransportContract<InMemoryTransport>, FixedPolicy<FaultInjector>> {
        let injector = try fault.map { try FaultInjector($0, clock: clock, random: MeshRandom(seed: seed)) }
        return FaultLayer(TransportContract(network), source: FixedPolicy(injector))
    }

    @Test func `an abort answers in place of the upstream`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let fault = FaultConfiguration(abort: .init(status: 418, percentage: .all))
        let aborting = try layer(fault, over: network)
        var context = CallContext(now: clock.now)
        let error = await #expect(throws: MeshError.self) {
            _ = try await aborting.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .faultInjected && error?.localReply?.status == 418)
        #expect(network.sent.isEmpty)
    }

    @Test func `a share of requests is aborted, the same for the same seed`() async throws {
        var shares: [Int] = []
        for _ in 0..<2 {
            let network = InMemoryTransport([.status(200)], clock: clock)
            let layer = try layer(
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
        let layer = try layer(fault, over: network)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 200)
        await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(headers: [("end-user", "jason")]), context: &context)
        }
    }

    @Test(arguments: [(UInt64(5), false), (6, true)])
    func `a delay holds the request back, and the caller's deadline ends it`(delay: UInt64, isCut: Bool) async throws {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let layer = try layer(
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

    @Test func `a gRPC abort is an answer of trailers only, and nothing reaches the network`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let fault = FaultConfiguration(abort: .init(grpcStatus: 14, percentage: .all))
        let layer = FaultLayer(contract, source: FixedPolicy(try FaultInjector(fault, clock: clock)))
        var context = CallContext(now: clock.now)
        let error = await #expect(throws: MeshError.self) {
            let request = InMemoryRequest(headers: [("content-type", "application/grpc")])
            _ = try await layer.send(request, context: &context)
        }
        let reply = error?.localReply
        #expect(reply?.status == 200 && reply?.body == "")
        #expect(reply?.headers.first { $0.name == "grpc-status" }?.value == "14")
        #expect(network.sent.isEmpty && contract.violations.isEmpty)
    }

    @Test func `a request that is cancelled during its delay is never sent`() async throws {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let fault = FaultConfiguration(delay: .init(duration: .seconds(5), percentage: .all))
        let injector = try FaultInjector(fault, clock: clock)
        let layer = FaultLayer(TransportContract(network), source: FixedPolicy(injector))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
            }
            await clock.waitForSleepers()
            #expect(injector.activeFaults == 1)
            group.cancelAll()
        }
        #expect(network.sent.isEmpty && injector.activeFaults == 0)
    }

    @Test func `without an injector the layer is not there`() async throws {
        let network = InMemoryTransport([.status(204)], clock: clock)
        let layer = try layer(nil, over: network)
        var context = CallContext(now: clock.now)
        #expect(try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 204)
    }
}
