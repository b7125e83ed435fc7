// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How much of an endpoint is in an aperture.
struct ApertureEdge: Hashable, Sendable {
    /// The endpoint's position on the ring.
    var position: Int
    /// Its part; above 0, at most 1.
    var share: Double

    /// The endpoints that the arc of a client covers, in order.
    ///
    /// Lengths are in endpoints. An endpoint stands at both ends if the arc comes around to its beginning.
    /// - Parameters:
    ///   - count: How many endpoints the ring has.
    ///   - place: Where the client stands, in distances between clients; 0 to below `peers`.
    ///   - peers: How many clients there are.
    ///   - minimum: How many endpoints the arc covers at least, as far as there are so many.
    static func edges(of count: Int, place: Double, peers: Int, minimum: Int) -> [ApertureEdge] {
        guard count > 0 else { return [] }
        // The fewest whole distances between clients that are as long as the least aperture.
        let distances = (min(minimum, count) * peers + count - 1) / count
        guard distances < peers else { return (0..<count).map { ApertureEdge(position: $0, share: 1) } }
        let start = place * Double(count) / Double(peers)
        var left = Double(distances) * Double(count) / Double(peers)
        var edges: [ApertureEdge] = []
        var position = Int(start)
        var share = min(Double(position + 1) - start, left)
        while left > negligible, edges.count <= count {
            if share > negligible { edges.append(ApertureEdge(position: position % count, share: share)) }
            left -= share
            position += 1
            share = min(1, left)
        }
        return edges
    }

    /// Which part of an endpoint is nothing but an error of arithmetic.
    private static let negligible = 1e-10
}
