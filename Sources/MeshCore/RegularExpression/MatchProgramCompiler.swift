// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Turns a syntax tree into a program.
///
/// It compiles from the end of the pattern to its begin: each part is told the address at which to go on, so only loops
/// need to be filled in later. Repetition counts are unrolled here and not in the tree, and every step is charged to the
/// bound, so a pattern that is too large is given up after as much work as a program of the allowed size takes.
///
/// What is left to do is kept on a stack of its own: how deep a pattern nests must not decide whether the thread's stack
/// is large enough.
struct MatchProgramCompiler {
    /// Something to do with the address that was reached last; each leaves the address of what it made in its place.
    private enum Step {
        case compile(PatternSyntax)
        case save(slot: Int32)
        /// Chooses between the part made last and leaving it out.
        case makeOptional(next: MatchProgram.Address, isGreedy: Bool)
        /// Fills in the fork that the part made last goes on to.
        case closeLoop(fork: MatchProgram.Address, next: MatchProgram.Address, isGreedy: Bool, entersAtFork: Bool)
        /// Lays the branch made last aside and begins another that goes on to `next`.
        case beginBranch(next: MatchProgram.Address)
        /// Chooses between the branch made last and the one laid aside.
        case joinBranches
    }

    let maximumSize: Int
    /// The ranges of classes that may still be compiled: equal classes share instructions, which costs time but no size.
    var rangeBudget: Int
    var program: MatchProgram
    /// Equal branches to equal places are shared; this is what keeps Unicode classes small.
    var shared: [[MatchProgram.Transition]: MatchProgram.Address] = [:]

    private var steps: [Step] = []
    private var branches: [MatchProgram.Address] = []

    static func compile(
        _ syntax: PatternSyntax,
        groupCount: Int,
        maximumSize: Int
    ) throws(RegularExpressionError) -> MatchProgram {
        var compiler = MatchProgramCompiler(maximumSize: maximumSize, groupCount: groupCount)
        compiler.steps.append(.compile(syntax))
        var address = try compiler.emit(.match)
        while let step = compiler.steps.popLast() {
            address = try compiler.perform(step, at: address)
        }
        compiler.program.start = address
        return compiler.program
    }

    private init(maximumSize: Int, groupCount: Int) {
        self.maximumSize = maximumSize
        self.rangeBudget = maximumSize * 16
        self.program = MatchProgram(groupCount: groupCount)
    }

    private mutating func perform(
        _ step: Step,
        at address: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        switch step {
        case .compile(let syntax):
            return try compile(syntax, next: address)
        case .save(let slot):
            return try emit(.save(slot: slot, next: address))
        case .makeOptional(let next, let isGreedy):
            return try emit(fork(into: address, orTo: next, isGreedy: isGreedy))
        case .closeLoop(let fork, let next, let isGreedy, let entersAtFork):
            program.instructions[Int(fork)] = self.fork(into: address, orTo: next, isGreedy: isGreedy)
            return entersAtFork ? fork : address
        case .beginBranch(let next):
            branches.append(address)
            return next
        case .joinBranches:
            return try emit(.fork(preferred: address, other: branches.removeLast()))
        }
    }

    /// Compiles what has no parts, and puts down the steps for what has; those run last first.
    private mutating func compile(
        _ syntax: PatternSyntax,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        switch syntax.form {
        case .empty:
            return next
        case .literal(let scalar):
            return try compile(scalar: scalar, next: next)
        case .set(let set):
            return try compile(set, next: next)
        case .assertion(let assertion):
            return try emit(.assert(assertion, next: next))
        case .group(let index, let content):
            steps += [.save(slot: Int32(2 * index)), .compile(content)]
            return try emit(.save(slot: Int32(2 * index + 1), next: next))
        case .concatenation(let parts):
            for part in parts { steps.append(.compile(part)) }
            return next
        case .alternation(let branches):
            for branch in branches.dropLast() {
                steps += [.joinBranches, .compile(branch), .beginBranch(next: next)]
            }
            if let last = branches.last { steps.append(.compile(last)) }
            return next
        case .repetition(let content, let repetition):
            return try compile(content, repetition, next: next)
        }
    }

    /// `x{2,4}` becomes `xx(x(x)?)?`, and `x{2,}` becomes `xx+`.
    private mutating func compile(
        _ content: PatternSyntax,
        _ repetition: Repetition,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        let isGreedy = repetition.isGreedy
        guard let maximum = repetition.maximum else {
            for _ in 0..<max(repetition.minimum - 1, 0) { steps.append(.compile(content)) }
            // One fork for both entering and repeating would get priorities wrong if the content matches the empty
            // string: passing through it would come back to a fork already visited. So `x*` becomes `(x+)?`, as in RE2.
            let isStar = repetition.minimum == 0
            if isStar, content.canBeEmpty { steps.append(.makeOptional(next: next, isGreedy: isGreedy)) }
            let fork = try emit(.fail)
            let entersAtFork = isStar && !content.canBeEmpty
            steps.append(.closeLoop(fork: fork, next: next, isGreedy: isGreedy, entersAtFork: entersAtFork))
            steps.append(.compile(content))
            return fork
        }
        for _ in 0..<repetition.minimum { steps.append(.compile(content)) }
        for _ in repetition.minimum..<maximum {
            steps += [.makeOptional(next: next, isGreedy: isGreedy), .compile(content)]
        }
        return next
    }

    private func fork(
        into body: MatchProgram.Address,
        orTo next: MatchProgram.Address,
        isGreedy: Bool
    ) -> MatchProgram.Instruction {
        isGreedy ? .fork(preferred: body, other: next) : .fork(preferred: next, other: body)
    }

    mutating func emit(
        _ instruction: MatchProgram.Instruction
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        program.instructions.append(instruction)
        if program.size > maximumSize { throw RegularExpressionError(.patternTooLarge, at: 0) }
        return MatchProgram.Address(program.instructions.count - 1)
    }
}
