// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Rows 27–46 of the facts: gobreaker, Hystrix, Polly.
@Suite struct OtherBreakerDialectsTests {
    private let clock = ManualClock()

    // MARK: gobreaker

    @Test func `row 27: gobreaker counts failures in a row from the last success on`() {
        var bench = BreakerBench(.gobreaker)
        bench.play("FFFFFSF")
        #expect(bench.machine.state == .closed)
        let metrics = bench.metrics
        #expect(metrics.calls == 7 && metrics.failures == 6 && metrics.consecutiveFailures == 1)
    }

    @Test func `row 28: gobreaker opens at the sixth failure in a row, and its counts are zero`() {
        var bench = BreakerBench(.gobreaker)
        bench.play("FFFFFSFFFFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
        let metrics = bench.metrics
        #expect(metrics.calls == 0 && metrics.failures == 0 && metrics.consecutiveFailures == 0)
    }

    @Test func `row 29: gobreaker stays open for 60 s less a millisecond`() {
        var bench = BreakerBench(.gobreaker)
        bench.play("FFFFFF")
        bench.wait(.milliseconds(59_999))
        #expect(bench.admit() == nil && bench.isOpen)
        bench.wait(.seconds(1))
        #expect(bench.admit() != nil && bench.machine.state == .halfOpen)
    }

    private func halfOpenOfThree() -> BreakerBench {
        var configuration = CircuitBreakerConfiguration.gobreaker
        configuration.probes = 3
        var bench = BreakerBench(configuration)
        bench.play("FFFFFF")
        bench.waitOut()
        return bench
    }

    @Test func `row 30: gobreaker with three requests refuses a fourth, and closes with the third success`() throws {
        var bench = halfOpenOfThree()
        bench.play("SS")
        let third = bench.admit()
        #expect(bench.admit() == nil)
        #expect(bench.machine.state == .halfOpen)
        bench.end("S", try #require(third))
        #expect(bench.machine.state == .closed)
    }

    @Test func `row 31: four excluded results leave gobreaker half open, with all its permits`() {
        var bench = halfOpenOfThree()
        bench.play("IIII")
        #expect(bench.machine.state == .halfOpen)
        #expect((0..<4).compactMap { _ in bench.admit() }.count == 3)
    }

    @Test func `row 32: gobreaker's interval of 30 s clears everything at once`() {
        var configuration = CircuitBreakerConfiguration.gobreaker
        configuration.window = .seconds(30)
        configuration.buckets = 1
        var bench = BreakerBench(configuration)
        bench.play("SSFFF")
        bench.wait(.milliseconds(29_999))
        #expect(bench.metrics.calls == 5)
        bench.wait(.seconds(1))
        bench.play("F")
        #expect(bench.metrics.calls == 1 && bench.metrics.failures == 1)
        // The next interval began with that call, late as it was.
        bench.wait(.seconds(29))
        #expect(bench.metrics.calls == 1)
    }

    @Test func `row 33: gobreaker's ten buckets are forgotten one by one`() {
        var configuration = CircuitBreakerConfiguration.gobreaker
        configuration.window = .seconds(10)
        var bench = BreakerBench(configuration)
        for _ in 0..<10 {
            bench.play("S")
            bench.wait(.seconds(1))
        }
        var left: [Int] = []
        for _ in 0..<10 {
            left.append(bench.metrics.calls)
            bench.wait(.seconds(1))
        }
        #expect(left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    }

    @Test func `row 34: what the function throws counts as a failure and is thrown on`() async throws {
        let breaker = try CircuitBreaker(.gobreaker, clock: clock)
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        #expect(breaker.metrics.failures == 1)
    }

    @Test(arguments: ["F", "S", "I", "O"] as [Character])
    func `row 35: a result that carries an older generation is ignored`(letter: Character) throws {
        var bench = BreakerBench(.gobreaker)
        let first = bench.admit()
        let late = try #require(first)
        bench.play("FFFFFF")
        bench.end(letter, late)
        #expect(bench.isOpen && bench.metrics.calls == 0)
        bench.waitOut()
        let probe = bench.admit()
        bench.end(letter, late)
        #expect(bench.machine.state == .halfOpen && bench.metrics.probesOut == 1)
        bench.end("S", try #require(probe))
        bench.end(letter, late)
        #expect(bench.machine.state == .closed && bench.metrics.calls == 0)
    }

    // MARK: Hystrix

    @Test func `row 36: Hystrix opens at the twentieth failure`() {
        var bench = BreakerBench(.hystrix)
        bench.play("F" * 19)
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `row 37: of a hundred callers at once Hystrix lets one pass`() async throws {
        let breaker = try CircuitBreaker(.hystrix, clock: clock)
        for _ in 0..<20 { breaker.report(.failure, permit: breaker.permit(at: clock.now), at: clock.now) }
        #expect(breaker.permit(at: clock.now) == 0)
        clock.advance(by: .seconds(5))
        let now = clock.now
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { breaker.permit(at: now) == 0 ? 0 : 1 } }
            return await group.reduce(0, +)
        }
        #expect(admitted == 1)
    }

    @Test func `row 38: a probe that is cancelled opens Hystrix for another 5 s, and it is not stuck`() {
        var bench = BreakerBench(.hystrix)
        bench.play("F" * 20)
        bench.wait(.seconds(6))
        bench.play("I")
        #expect(bench.openFor == .seconds(5))
        #expect(bench.machine.cause == .probeIgnored)
        bench.wait(.seconds(5))
        bench.play("S")
        #expect(bench.machine.state == .closed)
    }

    @Test func `row 39: Hystrix forced open and closed is open`() throws {
        let breaker = try CircuitBreaker(.hystrix, clock: clock)
        breaker.force([.open, .closed])
        #expect(breaker.state == .forcedOpen)
        #expect(breaker.permit(at: clock.now) == 0)
        breaker.force(.closed)
        #expect(breaker.state == .forcedClosed)
        for _ in 0..<40 { breaker.report(.failure, permit: breaker.permit(at: clock.now), at: clock.now) }
        #expect(breaker.state == .forcedClosed && breaker.metrics.failures == 40)
        breaker.force([])
        breaker.report(.failure, permit: breaker.permit(at: clock.now), at: clock.now)
        #expect(breaker.permit(at: clock.now) == 0)
    }

    // MARK: Polly

    @Test func `rows 40, 41: Polly stays closed below a throughput of 100, and opens at a tenth`() {
        var bench = BreakerBench(.polly)
        bench.play("F" * 99)
        #expect(bench.machine.state == .closed)
        bench = BreakerBench(.polly)
        bench.play("S" * 90 + "F" * 9)
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen && bench.metrics.failureRate == 0.1)
    }

    private func open(_ configuration: CircuitBreakerConfiguration) throws -> CircuitBreaker {
        let breaker = try CircuitBreaker(configuration, clock: clock)
        for _ in 0..<configuration.minimumCalls {
            breaker.report(.failure, permit: breaker.permit(at: clock.now), at: clock.now)
        }
        return breaker
    }

    @Test func `row 42: 2 s into its 5 s Polly says to come back in 3 s`() async throws {
        let breaker = try open(.polly)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(error?.code == .circuitOpen && error?.retryAfter == .seconds(3) && error?.reason == .open)
        clock.advance(by: .milliseconds(1))
        let later = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(later?.retryAfter == .seconds(3), "rounded up, never down")
    }

    @Test func `row 43: isolated, Polly refuses without saying for how long, and no success closes it`() async throws {
        let breaker = try CircuitBreaker(.polly, clock: clock)
        let before = breaker.permit(at: clock.now)
        breaker.force(.open)
        let error = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(error?.retryAfter == nil && error?.reason == .forced)
        breaker.report(.success, permit: before, at: clock.now)
        clock.advance(by: .seconds(86_400))
        #expect(breaker.state == .forcedOpen)
    }

    @Test func `row 44: the times that Polly's generator would give follow the openings in a row`() {
        var configuration = CircuitBreakerConfiguration.polly
        configuration.consecutiveFailures = 1
        configuration.openSchedule = (1...5).map { .seconds($0) }
        var bench = BreakerBench(configuration)
        var argument: [UInt64] = []
        for letter in "FFFFFSFFF" {
            bench.play(String(letter))
            if let time = bench.openFor { argument.append(time.rawValue / 1_000_000_000 - 1) }
            bench.waitOut()
        }
        #expect(argument == [0, 1, 2, 3, 4, 0, 1, 2])
    }

    @Test func `row 45: Polly's ten windows of a second let go of one call a second`() {
        var configuration = CircuitBreakerConfiguration.polly
        configuration.window = .seconds(10)
        var bench = BreakerBench(configuration)
        for _ in 0..<10 {
            bench.play("S")
            bench.wait(.seconds(1))
        }
        #expect(bench.metrics.calls == 9)
        bench.wait(.seconds(1))
        #expect(bench.metrics.calls == 8)
    }

    @Test func `row 46: a thousand refusals are one error that does not grow, made once`() async throws {
        let breaker = try open(.polly)
        var boxes: Set<UInt> = []
        for _ in 0..<1_000 {
            do {
                try await breaker.run {}
                Issue.record("the call passed")
            } catch {
                boxes.insert(box(of: error))
                #expect((error as? MeshError)?.cause == nil)
            }
        }
        #expect(boxes.count == 1)
        #expect(breaker.metrics.refused == 1_000)
    }
}

extension CircuitBreaker {
    /// The permit of a call, 0 if it is refused.
    func permit(at now: MeshInstant) -> UInt64 {
        if case .admitted(let permit) = admit(at: now) { permit } else { 0 }
    }
}
