// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Rule {
    /// Code that ships or runs: not the tests.
    static func isProduct(_ file: SourceFile) -> Bool {
        file.isSwift && !file.path.hasPrefix("Tests/")
    }

    static let unstructuredTask = Rule(
        "no unstructured task, unless a comment names the owner that awaits it",
        in: isProduct
    ) { file in
        let starts =
            file.codeLines(
                with: "Task",
                matching:
                    /\bTask(\s*<.*>)?(\.(detached|immediate|immediateDetached))?\s*(\(.*\)\s*)?\{|\bTask\.detached\b/
            ) + file.codeLines(with: "WithTask", matching: /\b(makeFuture|complete)WithTask\b/)
        return starts.filter { !file.comment(ofLine: $0).contains(/\b([Oo]wne|await|[Oo]wns)/) }
    }

    static let sleep = Rule("only the system's clock sleeps", in: { $0.isSwift }) { file in
        file.codeLines(with: "sleep", matching: /\b(Task|Thread)\.sleep\b|\b(u|nano)sleep\(/)
    }

    static let foreignClock = Rule("time comes from a MeshClock", in: { $0.isSwift && $0.target != nil }) { file in
        file.codeLines(with: "Clock", matching: /\b(Continuous|Suspending)Clock\b/)
            + file.codeLines(with: "DispatchTime", matching: /\bDispatchTime\b/)
    }

    static let systemRandomness = Rule("randomness comes from a MeshRandom", in: { $0.isSwift && $0.target != nil }) {
        file in
        let implicit =
            file.codeLines(with: "andom", matching: /\.(random\(in:|randomElement\()/)
            + file.codeLines(with: ".shuffle", matching: /\.shuffled?\(/)
        return file.codeLines(with: "SystemRandom", matching: /\bSystemRandomNumberGenerator\b/)
            + implicit.filter { !file.code[$0 - 1].contains("using:") }
    }

    static let uncheckedSendability = Rule(
        "no unchecked sendability without its proof in a comment",
        in: { $0.isSwift }
    ) { file in
        let places =
            file.codeLines(with: "@unchecked", matching: /@unchecked\b/)
            + file.codeLines(with: "(unsafe)", matching: /\bnonisolated\(unsafe\)/)
        return places.filter { file.comment(ofLine: $0).isEmpty }
    }

    static let impureMachine = Rule(
        "a state machine neither waits nor locks, and has no clock, randomness or log of its own",
        in: { isProduct($0) && $0.name.contains("StateMachine") }
    ) { file in
        ["await", "async", "Mutex", "Atomic", "Logger", "Date", "EventLoop"].flatMap { word in
            file.code.indices.filter { file.code[$0].isWord(word) }.map { $0 + 1 }
        } + file.codeLines(with: ".now", matching: /\.now\b/)
            + file.codeLines(with: ": ", matching: /\b(let|var) +\w+ *: *(any +)?Mesh(Clock|Random)\b/)
    }
}

extension Substring {
    /// Whether the word stands in the text, not as a part of another.
    fileprivate func isWord(_ word: String) -> Bool {
        ranges(of: word).contains { range in
            !(self[..<range.lowerBound].last?.isIdentifierPart ?? false)
                && !(self[range.upperBound...].first?.isIdentifierPart ?? false)
        }
    }
}

extension Character {
    fileprivate var isIdentifierPart: Bool { isLetter || isNumber || self == "_" }
}
