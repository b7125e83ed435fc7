// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A table of connections")
struct ConnectionTableTests {
    @Test("holds what a dictionary would, in the order of the numbers", arguments: [1, 2, 3] as [UInt64])
    func asDictionary(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var table = ConnectionTable<UInt64>()
        var dictionary: [Int: UInt64] = [:]
        for _ in 0..<5_000 {
            let key = Int(random.below(40))
            let value = random.next()
            switch random.below(4) {
            case 0:
                table[key] = value
                dictionary[key] = value
            case 1:
                table[key] = nil
                dictionary[key] = nil
            case 2: #expect(table.remove(key) == dictionary.removeValue(forKey: key))
            default:
                table[key]? &+= 1
                dictionary[key]? &+= 1
            }
            #expect(table[key] == dictionary[key])
            #expect(table.count == dictionary.count && table.isEmpty == dictionary.isEmpty)
        }
        let sorted = dictionary.sorted { $0.key < $1.key }
        #expect(table.values == sorted.map(\.value))
        let even = sorted.filter { $0.value % 2 == 0 }.map(\.key)
        #expect(table.keys { $0 % 2 == 0 } == even)
    }
}
