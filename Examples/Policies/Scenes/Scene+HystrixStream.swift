// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Scene {
    /// A command under load, as a dashboard of Hystrix sees it.
    static let hystrixStream = Scene(
        name: "hystrix-stream",
        claim: "a command with a fallback shows its calls as hystrix.stream"
    ) { stage in
        let clock = SystemClock()
        // Every third call fails, which the fallback hides from the callers but not from the figures.
        let peer = Peer { call in
            try await clock.wait(.milliseconds(2))
            if call.isMultiple(of: 3) { throw Peer.Unavailable() }
            return "five stars"
        }
        let ratings = try Command<String, String>(
            "GetRatings",
            group: "ratings",
            fallback: { _, _ in "no stars yet" },
            { _ in try await peer.answer() }
        )
        async let caller = callers(ratings, for: .seconds(1), on: clock)
        var events: [String] = []
        for await event in ratings.hystrixStream(every: .milliseconds(200)) {
            stage.say(abridged(event))
            events.append(event)
            if events.count == 5 { break }
        }
        let made = try await caller
        let last = ratings.metrics
        stage.say("the first event in full:")
        stage.say(events[0])
        stage.expect(made.failed == 0, "every one of \(made.calls) callers got an answer")
        stage.expect(
            events.allSatisfy { $0.hasPrefix("data: {") && $0.hasSuffix("}\n\n") },
            "each is an event of a stream"
        )
        let requests = events.compactMap { number("requestCount", in: $0) }
        stage.expect(requests == requests.sorted() && requests.count == 5, "its requests grow from event to event")
        stage.expect((requests.last ?? 0) > 0 && last.requests == made.calls, "and at the end all of them are counted")
        stage.expect(
            last.count(of: .fallbackSuccess) == made.calls / 3 && last.count(of: .failure) == made.calls / 3,
            "a third of them (\(made.calls / 3)) failed, and was answered by the fallback"
        )
        stage.expect(last.errorPercentage < 50, "at \(last.errorPercentage) % of errors the circuit stays closed")
    }

    private static func callers(
        _ command: Command<String, String>,
        for span: Nanoseconds,
        on clock: SystemClock
    ) async throws -> (calls: Int, failed: Int) {
        let end = clock.now.advanced(by: span)
        var (calls, failed) = (0, 0)
        while clock.now < end {
            calls += 1
            do { _ = try await command.execute("7") } catch { failed += 1 }
            try await clock.wait(.milliseconds(8))
        }
        return (calls, failed)
    }

    /// The members of an event that a person looks at first.
    private static func abridged(_ event: String) -> String {
        let names = [
            "requestCount", "errorCount", "errorPercentage", "rollingCountSuccess", "rollingCountFallbackSuccess",
            "latencyTotal_mean",
        ]
        return names.map { "\($0) \(number($0, in: event).map { "\($0)" } ?? "?")" }.joined(separator: ", ")
    }

    /// A number of an event's JSON.
    private static func number(_ name: String, in event: String) -> Int? {
        guard let range = event.firstRange(of: "\"\(name)\":") else { return nil }
        return Int(event[range.upperBound...].prefix { $0.isNumber })
    }
}
