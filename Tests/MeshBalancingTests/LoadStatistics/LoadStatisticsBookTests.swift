// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("The book of all clusters' load statistics")
struct LoadStatisticsBookTests {
    private let book = LoadStatisticsBook()

    private func key(_ cluster: String, source: String = "x", service: String = "") -> LoadStatisticsBook.Key {
        LoadStatisticsBook.Key(source: source, cluster: cluster, service: service)
    }

    private func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `a source reads its own clusters, and those that are anybody's`() {
        book.statistics(of: key("b"), at: at(0)).refusedOverLimit()
        book.statistics(of: key("a", source: ""), at: at(0)).refusedOverLimit()
        book.statistics(of: key("c", source: "y"), at: at(0)).refusedOverLimit()
        #expect(book.take(for: "x", clusters: nil, at: at(1)).map(\.cluster) == ["a", "b"])
        #expect(book.take(for: "y", clusters: nil, at: at(1)).map(\.cluster) == ["c"])
    }

    @Test func `the span of a report is the time in which it happened`() {
        let statistics = book.statistics(of: key("c"), at: at(10))
        book.configurationChanged(to: [key("c")])
        statistics.dropped("throttle")
        #expect(book.take(for: "x", clusters: nil, at: at(13)).map(\.span) == [.seconds(3)])
        // With nothing to tell, a cluster is left out, and its next span begins anew.
        #expect(book.take(for: "x", clusters: nil, at: at(20)).isEmpty)
        statistics.dropped("throttle")
        let reports = book.take(for: "x", clusters: nil, at: at(21))
        #expect(reports.map(\.span) == [.seconds(1)])
        book.restore(reports, for: "x", at: at(21))
        #expect(book.take(for: "x", clusters: nil, at: at(22)).map(\.span) == [.seconds(2)])
    }

    @Test func `what was dropped is told by category, with what was over the limit in the sum`() {
        let statistics = book.statistics(of: key("c", service: "s"), at: at(0))
        for _ in 0..<3 { statistics.dropped("throttle") }
        statistics.dropped("lb")
        statistics.refusedOverLimit()
        let report = book.take(for: "x", clusters: ["c"], at: at(1)).first
        #expect(report?.service == "s")
        #expect(report?.dropped == ["throttle": 3, "lb": 1])
        #expect(report?.totalDropped == 5)
    }

    @Test func `what nobody asks for stays to be told`() {
        let statistics = book.statistics(of: key("c"), at: at(0))
        book.configurationChanged(to: [key("c")])
        statistics.refusedOverLimit()
        #expect(book.take(for: "x", clusters: ["other"], at: at(1)).isEmpty)
        #expect(book.take(for: "x", clusters: ["c"], at: at(5)).map(\.span) == [.seconds(5)])
    }

    @Test func `places come in the order of their names`() {
        let statistics = book.statistics(of: key("c"), at: at(0))
        let places = ["b", "a", "c"].map { statistics.place(Locality(region: "r", zone: $0)) }
        for place in places { place.attemptBegan() }
        let report = book.take(for: "x", clusters: nil, at: at(1)).first
        #expect(report?.places.map(\.locality.zone) == ["a", "b", "c"])
    }

    @Test func `a cluster that is gone is told of until its last attempt has ended, and then forgotten`() {
        var place: LocalityLoadStatistics? = book.statistics(of: key("c"), at: at(0)).place(Locality())
        book.configurationChanged(to: [key("c")])
        place?.attemptBegan()
        book.configurationChanged(to: [])
        #expect(book.take(for: "x", clusters: nil, at: at(1)).first?.places.first?.inProgress == 1)
        place?.attemptEnded(.success)
        place = nil
        let last = book.take(for: "x", clusters: nil, at: at(2))
        #expect(last.first?.places == [.init(locality: Locality(), succeeded: 1)])
        #expect(book.take(for: "x", clusters: nil, at: at(3)).isEmpty)
        #expect(book.statistics(of: key("c"), at: at(4)).progress.since == at(4), "it was forgotten")
    }

    @Test func `a cluster that comes back counts on`() {
        let before = book.statistics(of: key("c"), at: at(0))
        book.configurationChanged(to: [key("c")])
        book.configurationChanged(to: [])
        let after = book.statistics(of: key("c"), at: at(1))
        #expect(before === after)
        book.configurationChanged(to: [key("c")])
        after.refusedOverLimit()
        #expect(book.take(for: "x", clusters: nil, at: at(2)).count == 1)
        #expect(book.statistics(of: key("c"), at: at(3)) === before)
    }

    @Test func `what could not be told of a cluster that was forgotten meanwhile is told later`() {
        book.statistics(of: key("c"), at: at(0)).dropped("throttle")
        let lost = book.take(for: "x", clusters: nil, at: at(1))
        #expect(book.take(for: "x", clusters: nil, at: at(2)).isEmpty)
        book.restore(lost, for: "x", at: at(3))
        #expect(book.take(for: "x", clusters: nil, at: at(4)).first?.dropped == ["throttle": 1])
    }

    @Test func `clusters that are gone and that nobody reads are bounded, the oldest forgotten first`() {
        for push in 0..<3 {
            let keys = (0..<1_000).map { key("c\(push * 1_000 + $0)") }
            for key in keys { book.statistics(of: key, at: at(0)).refusedOverLimit() }
            book.configurationChanged(to: Set(keys))
        }
        book.configurationChanged(to: [])
        let reports = book.take(for: "x", clusters: nil, at: at(1))
        #expect(reports.count == LoadStatisticsBook.maximumGone)
        #expect(Set(reports.map(\.cluster)).isSuperset(of: (2_000..<3_000).map { "c\($0)" }))
    }

    @Test func `categories that a control plane changes all the time are bounded`() {
        let statistics = book.statistics(of: key("c"), at: at(0))
        for number in 0..<1_000 { statistics.dropped("category \(number)") }
        let report = book.take(for: "x", clusters: nil, at: at(1)).first
        #expect(report?.dropped.count == ClusterLoadStatistics.maximumCategories + 1)
        #expect(report?.dropped["other"] == 744)
        #expect(report?.totalDropped == 1_000)
    }

    @Test func `a source hears whether there is anything to tell`() async {
        let feed = LoadStatisticsFeed(book, source: "x")
        var wishes = feed.wishes().makeAsyncIterator()
        #expect(await wishes.next() == false)
        _ = book.statistics(of: key("c"), at: at(0))
        book.configurationChanged(to: [key("c")])
        #expect(await wishes.next() == true)
        book.configurationChanged(to: [])
        #expect(await wishes.next() == true, "there may be something left to tell")
        _ = feed.take(nil, at: at(1))
        #expect(await wishes.next() == false)
    }
}
