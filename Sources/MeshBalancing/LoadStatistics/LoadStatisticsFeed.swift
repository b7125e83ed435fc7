// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The load statistics of the clusters that are one source's to tell.
public struct LoadStatisticsFeed: Sendable {
    private let book: LoadStatisticsBook
    private let source: String

    /// Creates the part of a book that concerns a source.
    public init(_ book: LoadStatisticsBook, source: String) {
        self.book = book
        self.source = source
    }

    /// The part of the same book that concerns another source: one with several control planes is several.
    public func feed(of source: String) -> LoadStatisticsFeed { LoadStatisticsFeed(book, source: source) }

    /// Whether there is, or may be, something to tell: now, and each time that changes.
    public func wishes() -> AsyncStream<Bool> { book.wishes(of: source) }

    /// What happened since the last time; clusters without anything to tell are left out.
    /// - Parameter clusters: Which clusters are asked for; `nil` for all. What happened in others stays to be told.
    public func take(_ clusters: Set<String>?, at now: MeshInstant) -> [LoadStatisticsReport] {
        book.take(for: source, clusters: clusters, at: now)
    }

    /// What was taken could not be told: it will be taken again.
    public func restore(_ reports: [LoadStatisticsReport], at now: MeshInstant) {
        book.restore(reports, for: source, at: now)
    }
}
