// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the reference implementation answers.
enum XXH64Vectors {
    /// The hashes of the bytes 0, 1, 2, … in these numbers, with seed 0.
    static let ofCountingBytes: [(Int, UInt64)] = [
        (1, 0xE934A84ADB052768),
        (2, 0x4865A00BA85B7CD6),
        (3, 0xE5C7BB4533BC65DD),
        (4, 0xFFCED8604453CC1E),
        (5, 0xDD0274386E26030C),
        (7, 0x14CC643F630C72D2),
        (8, 0x884A173614B81B8D),
        (9, 0x67D85784A7C78C5B),
        (12, 0x424AF23F1F08DCA5),
        (15, 0xA948F5F0F6ABAC2D),
        (16, 0x44B6EF2FB84169F7),
        (31, 0xC346D2B59B4D8EE1),
        (32, 0xCBF59C5116FF32B4),
        (33, 0x0C535D1ACAFB8EAD),
        (36, 0xDDE0EF85E3AEF05C),
        (40, 0xF5DA40F1B11741E9),
        (45, 0x10FDD84D6409ABDF),
        (63, 0xE26AA9E2A95F8E4F),
        (64, 0xF7C67301DB6713F0),
        (65, 0xC31EB63B2AE4465B),
        (100, 0x6AC1E58032166597),
        (255, 0x0F7D97507CAAD693),
        (256, 0x1FACBE8406CD904B),
        (1000, 0x6EF436B00EBA4078),
    ]
}
