// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The policies at work: each scene makes real calls, prints what happened, and checks that it shows what it says.
///
/// `swift run policies` plays all of them; arguments name the scenes to play. The status is 0 if every scene showed what
/// it claims, 1 if one did not, and 64 if there is no scene of such a name.
@main
enum Policies {
    private static let scenes: [Scene] = [
        .observeOnly, .describedStack, .wrongOrder, .hystrixStream, .hedgedCall, .pipeline,
    ]

    static func main() async {
        let wanted = CommandLine.arguments.dropFirst()
        for name in wanted where !scenes.contains(where: { $0.name == name }) {
            print("there is no scene \"\(name)\", but: \(scenes.map(\.name).joined(separator: ", "))")
            exit(64)
        }
        let chosen = scenes.filter { wanted.isEmpty || wanted.contains($0.name) }
        var failed: [String] = []
        for scene in chosen where !(await scene.isShown()) { failed.append(scene.name) }
        print("\(chosen.count - failed.count) scenes passed, \(failed.count) failed")
        if !failed.isEmpty {
            print("failed: \(failed.joined(separator: ", "))")
            exit(1)
        }
    }
}
