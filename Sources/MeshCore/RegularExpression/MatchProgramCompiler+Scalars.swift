// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension MatchProgramCompiler {
    mutating func compile(
        scalar value: UInt32,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        guard let scalar = Unicode.Scalar(value) else { return try emit(.fail) }
        var entry = next
        for byte in UTF8.encode(scalar)?.reversed() ?? [] {
            entry = try emit(.byte(lower: byte, upper: byte, next: entry))
        }
        return entry
    }

    mutating func compile(
        _ set: ScalarSet,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        rangeBudget -= set.ranges.count
        if rangeBudget < 0 { throw RegularExpressionError(.patternTooLarge, at: 0) }
        var transitions: [MatchProgram.Transition] = []
        for length in EncodedLength.all {
            let ranges = length.payloads(of: set)
            if ranges.isEmpty { continue }
            transitions += try self.transitions(
                for: ranges,
                trailing: length.trailingBytes,
                marker: length.leadMarker,
                next: next
            )
        }
        return try branch(transitions)
    }

    /// The transitions that take the first byte of each encoded payload.
    ///
    /// - Parameters:
    ///   - payloads: Ascending, disjoint ranges of the bits that the bytes carry together.
    ///   - trailing: How many bytes follow the first.
    ///   - marker: The bits that mark the first byte's role.
    private mutating func transitions(
        for payloads: [ClosedRange<UInt32>],
        trailing: Int,
        marker: UInt8,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> [MatchProgram.Transition] {
        let shift = UInt32(6 * trailing)
        let mask = (UInt32(1) << shift) - 1
        // What the trailing bytes may be, by ranges of first bytes. A range that covers all that some first bytes can
        // lead to stays one piece; its ragged ends make pieces of one first byte each, which neighbours may add to.
        var pieces: [(first: ClosedRange<UInt32>, rest: [ClosedRange<UInt32>])] = []
        for payload in payloads {
            var low = payload.lowerBound
            while low <= payload.upperBound {
                let first = low >> shift
                let isAligned = low & mask == 0
                let lastWhole = (payload.upperBound + 1) >> shift
                if isAligned, lastWhole > first {
                    pieces.append((first...(lastWhole - 1), [0...mask]))
                    low = lastWhole << shift
                } else {
                    let high = min(payload.upperBound, low | mask)
                    if let last = pieces.last, last.first == first...first {
                        pieces[pieces.count - 1].rest.append((low & mask)...(high & mask))
                    } else {
                        pieces.append((first...first, [(low & mask)...(high & mask)]))
                    }
                    low = high + 1
                }
            }
        }
        var result: [MatchProgram.Transition] = []
        for piece in pieces {
            var target = next
            if trailing > 0 {
                target = try branch(
                    transitions(for: piece.rest, trailing: trailing - 1, marker: 0x80, next: next)
                )
            }
            let lower = marker | UInt8(piece.first.lowerBound)
            let upper = marker | UInt8(piece.first.upperBound)
            if let last = result.last, last.next == target, last.upper + 1 == lower {
                result[result.count - 1].upper = upper
            } else {
                result.append(MatchProgram.Transition(lower: lower, upper: upper, next: target))
            }
        }
        return result
    }

    private mutating func branch(
        _ transitions: [MatchProgram.Transition]
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        guard let first = transitions.first else { return try emit(.fail) }
        if let known = shared[transitions] { return known }
        let address: MatchProgram.Address
        if transitions.count == 1 {
            address = try emit(.byte(lower: first.lower, upper: first.upper, next: first.next))
        } else {
            let begin = program.transitions.count
            program.transitions += transitions
            address = try emit(.bytes(first: Int32(begin), count: Int32(transitions.count)))
        }
        shared[transitions] = address
        return address
    }
}
