// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// All that matching needs, made once: the program and the faster forms of it that it was small enough for.
///
/// A class, so that a copy of a `RegularExpression` is one reference; it never changes after it is made.
final class CompiledPattern: Sendable {
    let program: MatchProgram

    /// The text that the whole input has to equal, if the pattern is that simple.
    let literal: [UInt8]?

    /// The text that every input begins with that matches as a whole.
    let literalPrefix: [UInt8]

    private let wholeAutomaton: DeterministicAutomaton?
    private let searchAutomaton: DeterministicAutomaton?

    init(_ program: MatchProgram, literal: [UInt8]?, literalPrefix: [UInt8]) {
        self.program = program
        self.literal = literal
        self.literalPrefix = literalPrefix
        self.wholeAutomaton = literal == nil ? DeterministicAutomaton(program, extent: .whole) : nil
        self.searchAutomaton = DeterministicAutomaton(program, extent: .anywhere)
    }

    func accepts(_ bytes: UnsafeBufferPointer<UInt8>, extent: MatchExtent) -> Bool {
        if extent == .whole, let literal {
            return bytes.elementsEqual(literal)
        }
        if let automaton = automaton(for: extent) {
            return automaton.accepts(bytes)
        }
        var simulation = SetSimulation(program)
        return simulation.accepts(bytes, extent: extent)
    }

    func automaton(for extent: MatchExtent) -> DeterministicAutomaton? {
        switch extent {
        case .whole: wholeAutomaton
        case .anywhere: searchAutomaton
        }
    }
}
