// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !Observability
#error(
    "MeshObservability needs the trait 'Observability': add it to `traits:` of the dependency on swift-service-mesh."
)
#endif
