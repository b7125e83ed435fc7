// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct CommandTests {
    private struct Broken: Error, Equatable {
        var number = 0
    }

    private let clock = ManualClock()
    private let observer = RecordingObserver()

    /// A command whose operation returns what it is given, and throws below zero.
    private func command(
        _ configuration: CommandConfiguration = CommandConfiguration(),
        fallback: (@Sendable (Int, any Error) async throws -> Int)? = nil
    ) throws -> Command<Int, Int> {
        try Command(
            "GetRatings",
            group: "ratings",
            configuration,
            classifier: .standard,
            observers: ObserverSet([observer]),
            clock: clock,
            wallClock: WallClock { .seconds(1_700_000_000) },
            random: MeshRandom(seed: 1),
            fallback: fallback
        ) { number in
            if number < 0 { throw Broken(number: number) }
            return number
        }
    }

    @Test func `a value passes, and is counted`() async throws {
        let command = try command()
        #expect(try await command.execute(7) == 7)
        let metrics = command.metrics
        #expect(metrics.count(of: .success) == 1 && metrics.requests == 1 && metrics.errorPercentage == 0)
        #expect(metrics.concurrency == 0 && metrics.maximumConcurrency == 1)
        #expect(observer.decisions.isEmpty)
    }

    @Test func `a failure without a fallback reaches the caller as it is`() async throws {
        let command = try command()
        await #expect(throws: Broken(number: -1)) { try await command.execute(-1) }
        let metrics = command.metrics
        #expect(metrics.count(of: .failure) == 1 && metrics.count(of: .fallbackMissing) == 1)
        #expect(metrics.count(of: .exceptionThrown) == 1)
    }

    @Test func `a fallback answers in place of a failure, with the input and the error`() async throws {
        let command = try command(fallback: { input, error in input * 10 + ((error as? Broken)?.number ?? 0) })
        #expect(try await command.execute(-2) == -22)
        #expect(command.metrics.count(of: .fallbackSuccess) == 1)
        #expect(observer.decisions == [PolicyDecision(.fallback, name: "GetRatings", .fellBack, because: .failure)])
    }

    @Test func `a fallback that fails keeps both errors`() async throws {
        let command = try command(fallback: { _, _ in throw Broken(number: 2) })
        let error = await #expect(throws: FallbackFailure.self) { try await command.execute(-1) }
        #expect(error?.original as? Broken == Broken(number: -1))
        #expect(error?.fallbacks.compactMap { $0 as? Broken } == [Broken(number: 2)])
        #expect(command.metrics.count(of: .fallbackFailure) == 1)
    }

    @Test func `twenty failures open the circuit, refusals do not keep it open, and a probe closes it`() async throws {
        let command = try command(fallback: { _, _ in 0 })
        for _ in 0..<20 { _ = try await command.execute(-1) }
        #expect(command.metrics.isCircuitOpen)
        for _ in 0..<50 { #expect(try await command.execute(1) == 0) }
        #expect(command.metrics.count(of: .shortCircuited) == 50 && command.metrics.requests == 20)
        clock.advance(by: .seconds(5))
        #expect(try await command.execute(1) == 1)
        #expect(!command.metrics.isCircuitOpen)
    }

    @Test func `calls beyond the limit are refused, and no place is lost`() async throws {
        let (started, gate) = (AsyncStream.makeStream(of: Void.self), AsyncStream.makeStream(of: Void.self))
        let command = try Command<Int, Int>(
            "Slow",
            CommandConfiguration(timeout: nil, maximumConcurrent: 1),
            clock: clock
        ) { number in
            started.continuation.yield()
            for await _ in gate.stream { break }
            return number
        }
        async let first = command.execute(1)
        for await _ in started.stream { break }
        let refusal = await #expect(throws: MeshError.self) { try await command.execute(2) }
        #expect(refusal?.code == .overflow)
        #expect(command.metrics.count(of: .semaphoreRejected) == 1 && command.metrics.concurrency == 1)
        gate.continuation.finish()
        #expect(try await first == 1)
        #expect(try await command.execute(3) == 3)
    }

    @Test func `what takes too long is a timeout, and counts as an error`() async throws {
        let clock = clock
        let command = try Command<Int, Int>("Slow", clock: clock) { number in
            try await clock.sleep(until: clock.now.advanced(by: .seconds(30)))
            return number
        }
        let call = Task { try await command.execute(1) }
        // Both the operation and the timer wait on the clock.
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        let error = await #expect(throws: MeshError.self) { try await call.value }
        #expect(error?.code == .deadlineExceeded)
        #expect(command.metrics.count(of: .timeout) == 1 && command.metrics.errorPercentage == 100)
        #expect(command.metrics.count(of: .failure) == 0)
    }

    @Test func `a caller that gives up counts for nothing and holds nothing`() async throws {
        let clock = clock
        let command = try Command<Int, Int>("Slow", CommandConfiguration(timeout: nil), clock: clock) { number in
            try await clock.sleep(until: clock.now.advanced(by: .seconds(30)))
            return number
        }
        let call = Task { try await command.execute(1) }
        await clock.waitForSleepers(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        let metrics = command.metrics
        #expect(metrics.count(of: .cancelled) == 1 && metrics.requests == 0 && metrics.concurrency == 0)
        #expect(command.circuitBreaker.metrics.calls == 0)
    }

    @Test func `a caller's own fault needs no fallback and opens no circuit`() async throws {
        let command = try Command<Int, Int>("Picky", clock: clock, fallback: { _, _ in 0 }) { _ in
            throw MeshError(.invalidRequest, origin: .downstream, message: "no number")
        }
        for _ in 0..<30 {
            let error = await #expect(throws: MeshError.self) { try await command.execute(1) }
            #expect(error?.code == .invalidRequest)
        }
        #expect(command.metrics.count(of: .badRequest) == 30 && !command.metrics.isCircuitOpen)
    }

    @Test func `what this process refuses below the command counts for nothing, and the fallback answers`() async throws
    {
        let command = try Command<Int, Int>("GetRatings", clock: clock, fallback: { number, _ in -number }) { _ in
            throw MeshError(.circuitOpen, origin: .local, message: "no endpoint", reason: .open)
        }
        for number in 1...30 { #expect(try await command.execute(number) == -number) }
        let metrics = command.metrics
        #expect(metrics.count(of: .fallbackSuccess) == 30 && metrics.count(of: .badRequest) == 0)
        #expect(metrics.requests == 0 && !metrics.isCircuitOpen)
    }

    @Test func `a dry run refuses nobody, answers nobody and says what it would have done`() async throws {
        let command = try command(CommandConfiguration(mode: .observe), fallback: { _, _ in 0 })
        for _ in 0..<20 { await #expect(throws: Broken(number: -1)) { try await command.execute(-1) } }
        #expect(try await command.execute(1) == 1)
        #expect(!command.metrics.isCircuitOpen)
        let breaker = observer.decisions.filter { $0.policy == .circuitBreaker }
        #expect(!breaker.isEmpty && breaker.allSatisfy { !$0.isEnforced })
        let answers = observer.decisions.filter { $0.action == .fellBack }
        #expect(answers.count == 20 && answers.allSatisfy { !$0.isEnforced })
        #expect(command.metrics.count(of: .fallbackSuccess) == 0)
    }

    @Test func `one that is disabled answers in nobody's place and tells nobody`() async throws {
        let command = try command(CommandConfiguration(mode: .disabled), fallback: { _, _ in 0 })
        for _ in 0..<50 { await #expect(throws: Broken(number: -1)) { try await command.execute(-1) } }
        #expect(observer.decisions.isEmpty && !command.metrics.isCircuitOpen)
    }

    @Test func `what an operation throws when its caller gives up counts for nothing and gets no fallback`()
        async throws
    {
        let clock = clock
        let command = try Command<Int, Int>(
            "GetRatings",
            CommandConfiguration(timeout: nil, circuitBreaker: CircuitBreakerConfiguration(minimumCalls: 1)),
            observers: ObserverSet([observer]),
            clock: clock,
            fallback: { _, _ in 0 }
        ) { number in
            try? await rest(.seconds(60), on: clock)
            throw Broken(number: number)
        }
        let call = Task { try await command.execute(7) }
        await clock.waitForSleepers()
        call.cancel()
        await #expect(throws: Broken(number: 7)) { try await call.value }
        #expect(command.metrics.count(of: .cancelled) == 1 && command.metrics.requests == 0)
        #expect(!command.metrics.isCircuitOpen && observer.decisions.isEmpty)
    }

    @Test func `its stream shows the figures of the moment, at the pace of its clock`() async throws {
        let command = try command()
        _ = try await command.execute(1)
        let reader = Task { await command.hystrixStream().first { _ in true } }
        await clock.waitForSleepers(1)
        _ = try await command.execute(2)
        clock.advance(by: .milliseconds(500))
        let line = try #require(await reader.value)
        #expect(line.hasPrefix(#"data: {"type":"HystrixCommand","name":"GetRatings","group":"ratings","#))
        #expect(line.contains(#""currentTime":1700000000000,"#) && line.contains(#""rollingCountSuccess":2,"#))
        #expect(line.contains(#""propertyValue_circuitBreakerErrorThresholdPercentage":50,"#))
        let figures = Task { await command.metrics(every: .seconds(1)).first { _ in true } }
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        #expect(await figures.value?.count(of: .success) == 2)
    }

    @Test func `it describes its policies with Hystrix' defaults`() throws {
        let stack = try command(fallback: { _, _ in 0 }).describe()
        #expect(stack.policies.map(\.slot) == [.fallback, .circuitBreaker, .bulkhead, .attemptTimeout])
        #expect(stack.problems.isEmpty)
    }

    @Test func `every broken bound is named`() {
        let broken = CommandConfiguration(
            timeout: .zero,
            maximumConcurrent: 0,
            maximumConcurrentFallbacks: -1,
            circuitBreaker: CircuitBreakerConfiguration(failureRate: 2)
        )
        let error = #expect(throws: ConfigurationError.self) { try command(broken) }
        let paths = error?.problems.map(\.path) ?? []
        for path in ["timeout", "maximumConcurrent", "maximumConcurrentFallbacks", "circuitBreaker"] {
            #expect(paths.contains { $0.hasPrefix(path) })
        }
    }
}
