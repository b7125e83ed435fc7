// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension DeterministicAutomaton {
    /// Tables beyond this number of entries, of two bytes each, are not built.
    private static let maximumEntries = 16_384

    /// Nor are tables that take more visits to instructions than this to build.
    private static let maximumSteps = 1 << 18

    /// Programs beyond this length would need large sets for each state, and hardly ever give a small table.
    private static let maximumInstructions = 2048

    /// Builds the table by the subset construction; `nil` if that exceeds its bounds.
    init?(_ program: MatchProgram, extent: MatchExtent) {
        guard program.instructions.count <= Self.maximumInstructions else { return nil }
        var construction = AutomatonConstruction(program, extent: extent)
        guard construction.run(maximumEntries: Self.maximumEntries, maximumSteps: Self.maximumSteps) else { return nil }
        self.init(classes: construction.classes, stride: construction.stride, table: construction.table)
    }
}

/// The subset construction.
///
/// A state is a set of addresses that has not been closed yet, with what assertions need to know of the byte before. The
/// set is closed on leaving the state, when the next byte is known, so assertions such as `\b` need no special states.
private struct AutomatonConstruction {
    private struct Subset: Hashable {
        var addresses: [MatchProgram.Address]
        var previous: UInt8?
    }

    /// What a closure depends on in the next byte; all bytes of a class share it.
    private enum Outlook: Int, CaseIterable {
        case end, newline, word, continuation, other

        init(_ byte: UInt8?) {
            self =
                switch byte {
                case nil: .end
                case UInt8(ascii: "\n"): .newline
                case let byte? where UTF8.isContinuation(byte): .continuation
                default: Assertion.isWord(byte) ? .word : .other
                }
        }
    }

    let classes: [UInt8]
    private(set) var table: [DeterministicAutomaton.State] = []

    private let program: MatchProgram
    private let extent: MatchExtent
    private let hasAssertions: Bool
    /// A byte of each class, then the end of the input.
    private let representatives: [UInt8?]
    private var subsets: [Subset] = []
    private var states: [Subset: DeterministicAutomaton.State] = [:]
    /// The closure of the state at hand for each outlook, kept over states so that the memory is.
    private var closures: [SparseSet]
    private var targets: SparseSet
    private var steps = 0

    var stride: Int { representatives.count }

    init(_ program: MatchProgram, extent: MatchExtent) {
        self.program = program
        self.extent = extent
        targets = SparseSet(capacity: program.instructions.count)
        closures = Array(repeating: targets, count: Outlook.allCases.count)
        hasAssertions = program.instructions.contains { if case .assert = $0 { true } else { false } }

        // A class begins at each of these bytes.
        var begins = [Bool](repeating: false, count: 257)
        func separate(_ lower: UInt8, _ upper: UInt8) {
            begins[Int(lower)] = true
            begins[Int(upper) + 1] = true
        }
        separate(0, 0xFF)
        if extent == .anywhere {
            // Matches begin at scalars, so continuation bytes are unlike all others. No test can tell if this is left out,
            // as a class that mixes them with other bytes is one that the pattern cannot take; no proof should rest on it.
            separate(0x80, 0xBF)
        }
        for instruction in program.instructions {
            if case .byte(let lower, let upper, _) = instruction { separate(lower, upper) }
        }
        for transition in program.transitions {
            separate(transition.lower, transition.upper)
        }
        if hasAssertions {
            for byte in UInt8.min...UInt8.max where Outlook(byte) != Outlook(byte &- 1) { begins[Int(byte)] = true }
        }
        var classes: [UInt8] = []
        var representatives: [UInt8?] = []
        for byte in UInt8.min...UInt8.max {
            if begins[Int(byte)] { representatives.append(byte) }
            classes.append(UInt8(representatives.count - 1))
        }
        self.classes = classes
        self.representatives = representatives + [nil]
    }

    /// Fills the table; `false` if it exceeds its bounds.
    mutating func run(maximumEntries: Int, maximumSteps: Int) -> Bool {
        _ = state(for: Subset(addresses: [program.start], previous: nil))
        var index = 0
        while index < subsets.count {
            // Counted before the work is done, with all states that are known to come.
            if subsets.count * stride > maximumEntries { return false }
            var isMatch: [Bool?] = Array(repeating: nil, count: closures.count)
            for next in representatives {
                let outlook = Outlook(next).rawValue
                let isMatchBeforeNext = isMatch[outlook] ?? close(subsets[index], before: next)
                isMatch[outlook] = isMatchBeforeNext
                table.append(state(after: closures[outlook], isMatch: isMatchBeforeNext, taking: next))
                steps += closures[outlook].count
                if steps > maximumSteps { return false }
            }
            index += 1
        }
        return true
    }

    /// Puts the closure of a state's addresses into `closures`.
    ///
    /// - Returns: Whether a match is among them.
    private mutating func close(_ subset: Subset, before next: UInt8?) -> Bool {
        let outlook = Outlook(next).rawValue
        closures[outlook].removeAll()
        for address in subset.addresses { closures[outlook].insert(address) }
        if extent == .anywhere, next.map(UTF8.isContinuation) != true { closures[outlook].insert(program.start) }
        return program.close(&closures[outlook], between: subset.previous, and: next)
    }

    private mutating func state(
        after addresses: SparseSet,
        isMatch: Bool,
        taking byte: UInt8?
    ) -> DeterministicAutomaton.State {
        if isMatch, extent == .anywhere || byte == nil { return DeterministicAutomaton.accepted }
        guard let byte else { return DeterministicAutomaton.rejected }
        targets.removeAll()
        program.advance(addresses, taking: byte, into: &targets)
        if targets.isEmpty, extent == .whole { return DeterministicAutomaton.rejected }
        return state(for: Subset(addresses: targets.sorted(), previous: hasAssertions ? representative(of: byte) : nil))
    }

    /// The byte that stands for all that assertions cannot tell from it, so that fewer states differ.
    private func representative(of byte: UInt8) -> UInt8 {
        switch Outlook(byte) {
        case .newline: UInt8(ascii: "\n")
        case .word: UInt8(ascii: "a")
        case .end, .continuation, .other: 0
        }
    }

    private mutating func state(for subset: Subset) -> DeterministicAutomaton.State {
        if let known = states[subset] { return known }
        let state = DeterministicAutomaton.initial + DeterministicAutomaton.State(subsets.count)
        states[subset] = state
        subsets.append(subset)
        return state
    }
}
