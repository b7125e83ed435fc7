// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds the name that somebody who mistyped probably meant.
enum NearestName {
    /// `; did you mean X?` if a candidate is near, otherwise nothing.
    static func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
        guard name.utf8.count <= 64 else { return "" }
        let tolerance = max(1, name.utf8.count / 3)
        let wanted = Array(name.lowercased().utf8)
        // The name itself breaks ties, so that the answer does not depend on the order of the candidates.
        let nearest = candidates.lazy.filter { $0 != name }.map {
            (distance: distance(wanted, Array($0.lowercased().utf8)), name: $0)
        }
        .filter { $0.distance <= tolerance }
        .min { $0 < $1 }
        return nearest.map { "; did you mean \($0.name)?" } ?? ""
    }

    /// The number of insertions, deletions and replacements that turn one text into the other (Levenshtein).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (leftIndex, leftByte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = leftIndex + 1
            for (rightIndex, rightByte) in right.enumerated() {
                let replaced = diagonal + (leftByte == rightByte ? 0 : 1)
                diagonal = row[rightIndex + 1]
                row[rightIndex + 1] = min(replaced, row[rightIndex] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
