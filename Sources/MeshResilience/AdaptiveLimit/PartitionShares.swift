// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How many calls of each partition are under way, and how many each is guaranteed.
///
/// A partition is no limit: while the whole limit is not used up, each takes what it needs. Once it is, a partition gets
/// further places until it has its share, and the limit is exceeded for a while (concurrency-limits' rule).
struct PartitionShares: Sendable {
    private struct Partition {
        var name: String
        var share: Double
        var inFlight = 0
    }

    /// The calls of no partition, which are guaranteed nothing, stand at 0.
    private var partitions: [Partition]

    init(_ partitions: [AdaptiveLimitConfiguration.Partition]) {
        self.partitions =
            [Partition(name: "", share: 0)] + partitions.map { Partition(name: $0.name, share: $0.share) }
    }

    /// The number of a partition; 0 if there is none of that name.
    func number(of name: String?) -> Int {
        guard let name else { return 0 }
        return partitions.dropFirst().firstIndex { $0.name == name } ?? 0
    }

    /// How many calls a partition is guaranteed under a limit.
    func guaranteed(_ number: Int, of limit: Int) -> Int {
        number == 0 ? 0 : max(1, Int((Double(limit) * partitions[number].share).rounded(.up)))
    }

    func inFlight(_ number: Int) -> Int { partitions[number].inFlight }

    mutating func placeTaken(_ number: Int) {
        partitions[number].inFlight += 1
    }

    /// A call of a partition wants a place although the limit is used up.
    /// - Returns: Whether its share gives it one.
    mutating func guaranteedPlaceWanted(_ number: Int, of limit: Int) -> Bool {
        guard partitions[number].inFlight < guaranteed(number, of: limit) else { return false }
        partitions[number].inFlight += 1
        return true
    }

    mutating func placeReturned(_ number: Int) {
        partitions[number].inFlight = max(partitions[number].inFlight - 1, 0)
    }
}
