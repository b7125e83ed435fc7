// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Rule {
    static let trap = Rule(
        "no trap on what comes from outside: no try!, no fatalError",
        in: { isProduct($0) && !$0.path.hasPrefix("Benchmarks/") }
    ) { file in
        file.codeLines(with: "try!", matching: /\btry!/)
            + file.codeLines(with: "fatalError", matching: /\bfatalError\(/)
    }

    static let printing = Rule("a library does not print", in: { $0.isSwift && $0.target != nil }) { file in
        file.codeLines(with: "(", matching: /(^|[^.\w])(debugPrint|print|dump)\(/)
    }

    /// What each target without third-party packages may import: the arrows of the architecture.
    private static let pureTargets: [Substring: Set<Substring>] = [
        "MeshCore": [],
        "MeshRouting": ["MeshCore"],
        "MeshBalancing": ["MeshCore"],
        "MeshResilience": ["MeshCore"],
        "MeshSecurity": ["MeshCore"],
        "MeshConfig": policies,
        "ServiceMesh": policies.union(["MeshConfig"]),
        "MeshTesting": ["MeshCore", "MeshResilience", "MeshConfig"],
    ]
    private static let policies: Set<Substring> = [
        "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity",
    ]

    static let impureImport = Rule(
        "a pure target imports Synchronization and the targets below it, never Foundation",
        in: { $0.isSwift && $0.target.map { pureTargets[$0] != nil } == true }
    ) { file in
        let allowed = (file.target.flatMap { pureTargets[$0] } ?? []).union(["Synchronization"])
        return file.code.indices.filter { index in
            guard file.code[index].contains("import ") else { return false }
            let words = file.code[index].split(separator: " ")
            // `import struct Foundation.Date` names a kind first.
            let names = words.drop { $0 != "import" }.dropFirst().drop { $0.first?.isLowercase == true }
            guard let module = names.first?.prefix(while: { $0 != "." }) else { return false }
            return !allowed.contains(module)
        }.map { $0 + 1 }
    }
}
