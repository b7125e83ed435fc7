// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Some places, as Istio names them: `region/zone/subzone`, with `*` at the end, or nothing, for all that there are.
package struct LocalityPattern: Hashable, Sendable {
    /// The parts that must agree, from the region on; none for all places.
    package let parts: [String]

    /// Reads a pattern.
    /// - Returns: `nil` if a part is empty, there are more than three, or a `*` stands anywhere but alone at the end.
    package init?(_ text: String) {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 3 else { return nil }
        if parts.last == "*" { parts.removeLast() }
        guard parts.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "*")) }) else { return nil }
        self.parts = parts
    }

    /// Whether a place is meant.
    package func matches(_ place: Locality) -> Bool {
        zip(parts, [place.region, place.zone, place.subZone]).allSatisfy { $0 == $1 }
    }

    /// Whether some place is meant by both.
    package func overlaps(_ other: LocalityPattern) -> Bool {
        zip(parts, other.parts).allSatisfy { $0 == $1 }
    }
}

extension LocalityPattern: CustomStringConvertible {
    /// The pattern as it would be written.
    package var description: String {
        parts.count == 3 ? parts.joined(separator: "/") : (parts + ["*"]).joined(separator: "/")
    }
}
