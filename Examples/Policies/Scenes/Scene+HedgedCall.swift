// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Synchronization

extension Scene {
    /// A call whose first attempt hangs.
    static let hedgedCall = Scene(
        name: "hedging",
        claim: "a slow call is made a second time beside the first, which is cancelled when it loses"
    ) { stage in
        let clock = SystemClock()
        let decisions = DecisionCounter()
        let hedging = try Hedging(
            HedgingConfiguration(delay: .fixed(.milliseconds(200))),
            name: "ratings",
            observers: decisions.alone
        )
        let (losers, loser) = AsyncStream.makeStream(of: Int.self)
        let began = clock.now
        let answer = try await hedging.run { attempt in
            // The first attempt meets a peer that has got stuck, the second one that has not.
            guard attempt == 1 else { return "attempt \(attempt)" }
            do {
                try await clock.wait(.seconds(20))
            } catch {
                loser.yield(attempt)
                throw error
            }
            return "attempt \(attempt)"
        }
        let took = clock.now.elapsed(since: began)
        stage.say("answered by \(answer) after \(took.duration)")
        stage.say(decisions.table)
        stage.expect(answer == "attempt 2", "the second attempt answered")
        stage.expect(took >= .milliseconds(200), "it was not begun before the delay was over")
        stage.expect(took < .seconds(10), "nobody waited for the first")
        stage.expect(decisions.count(.hedge, .hedged, isEnforced: true) == 1, "one hedge was counted")
        // The loser is cancelled and not waited for: this waits for it, to show that it did end.
        var ended = losers.makeAsyncIterator()
        stage.expect(await ended.next() == 1, "the first attempt was cancelled")

        let quick = try await hedging.run { attempt in "attempt \(attempt)" }
        stage.expect(quick == "attempt 1", "a quick call is not hedged")
        stage.expect(decisions.count(.hedge, .hedged, isEnforced: true) == 1, "so that there is still one hedge")
    }
}
