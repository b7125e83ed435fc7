// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Rule {
    static let longFile = Rule("a file has at most 350 lines", in: { $0.isSwift }) { file in
        // The text ends with a line break, behind which nothing counts as a line.
        file.lines.count - 1 > 350 ? [351] : []
    }

    static let forbiddenName = Rule(
        "no type is named Manager, Helper, Util, Handler, Info, Data, Object, Base or Impl",
        in: isProduct
    ) { file in
        file.code.indices.filter { index in
            guard forbiddenWords.contains(where: file.code[index].contains) else { return false }
            return file.code[index].matches(of: /\b(?:class|struct|enum|actor|protocol|typealias) +([A-Z]\w*)/).contains
            {
                isForbidden($0.output.1)
            }
        }.map { $0 + 1 }
    }

    static let forbiddenFile = Rule("no file is a drawer: no Utils, Helpers, Common, Misc, Extensions", in: isProduct) {
        file in
        file.name.contains(/^(\w*Utils?|\w*Helpers?|Common|Misc|Extensions)\.swift$/) ? [1] : []
    }

    static let todo = Rule("no TODO without an issue", in: { $0.isSwift }) { file in
        file.comments.indices.filter { index in
            let comment = file.comments[index]
            return ["TODO", "FIXME", "XXX", "HACK"].contains(where: comment.contains) && !comment.contains(/#\d+/)
        }.map { $0 + 1 }
    }

    static let header = Rule("a Swift file begins with the licence and the project", in: { $0.isSwift }) { file in
        file.lines.starts(
            with: ["// SPDX-License-Identifier: Apache-2.0", "// Part of swift-service-mesh.", ""]
        ) ? [] : [1]
    }

    static let licence = Rule.includingGenerated("every file names its licence", in: { _ in true }) { file in
        // Generators put their own remarks first, and scripts their interpreter.
        file.lines.prefix(15).contains { $0.contains("SPDX-License-Identifier: Apache-2.0") } ? [] : [1]
    }

    static let all: [Rule] = [
        unstructuredTask, sleep, foreignClock, systemRandomness, uncheckedSendability, impureMachine,
        trap, printing, impureImport,
        longFile, forbiddenName, forbiddenFile, todo, header, licence,
    ]

    private static let forbiddenWords: Set<String> = [
        "Manager", "Helper", "Helpers", "Util", "Utils", "Handler", "Info", "Data", "Object", "Base", "Impl",
    ]

    /// Whether one of the words of a camel-case name is forbidden.
    private static func isForbidden(_ name: Substring) -> Bool {
        // A word is an upper-case letter with what follows in lower case; runs of capitals stay together.
        let words = name.matches(of: /[A-Z]+(?![a-z])|[A-Z][a-z0-9]*/).map { String($0.output) }
        return name != "RequestHandler" && words.contains(where: forbiddenWords.contains)
    }
}
