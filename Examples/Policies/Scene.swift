// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something to be shown about the policies.
struct Scene: Sendable {
    /// What it is called on the command line.
    let name: String
    /// What it shows, in a sentence.
    let claim: String
    /// Makes the calls; says and checks on the stage what comes of them.
    let play: @Sendable (inout Stage) async throws -> Void

    /// Plays it, and says whether it showed what it claims.
    func isShown() async -> Bool {
        print("== \(name): \(claim)")
        var stage = Stage()
        do {
            try await play(&stage)
        } catch {
            stage.expect(false, "the scene ends without an error, and not with: \(error)")
        }
        print()
        return stage.isConvincing
    }
}
