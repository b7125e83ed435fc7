// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !GRPC
#error("MeshGRPC needs the package trait \"GRPC\": add it to the traits of the dependency on swift-service-mesh.")
#endif
