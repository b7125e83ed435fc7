// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct BoxedTests {
    private struct Large: Boxable, Sendable {
        static let unset = Large()
        var first = 0
        var text = ""
    }

    private struct Holder: Hashable {
        @Boxed var large = Large.unset
        @Boxed var number: Int?
    }

    @Test func `it takes one word, and reads as what was written`() {
        #expect(MemoryLayout<Holder>.size == 2 * MemoryLayout<UnsafeRawPointer>.size)
        var holder = Holder()
        #expect(holder.large == .unset && holder.number == nil)
        holder.large.first = 1
        holder.large.text = "a"
        holder.number = 2
        #expect(holder.large.first == 1 && holder.large.text == "a" && holder.number == 2)
        holder.number = nil
        #expect(holder.number == nil)
    }

    @Test func `a copy is a value of its own`() {
        var one = Holder()
        one.large.first = 1
        var other = one
        other.large.first = 2
        #expect(one.large.first == 1 && other.large.first == 2)
    }

    @Test func `equal is what says the same, however it came to it`() {
        var (one, other) = (Holder(), Holder())
        one.large.first = 1
        #expect(one != other)
        other.large.first = 1
        #expect(one == other && one.hashValue == other.hashValue)
        one.large.first = 0
        other.large = .unset
        #expect(one == other && one.hashValue == other.hashValue && one == Holder())
    }
}
