// swift-tools-version: 6.2
import PackageDescription

let safe: [SwiftSetting] = [.strictMemorySafety()]
let isTestsBuild = Context.environment["AVIARY_TESTS_BUILD"] != nil
/// The modules whose own loops tests spend their time in. `tools/test` leaves Swift unoptimized, which saves more than half of
/// its build, but for these: others take four times as long to be optimized, and their tests are as quick without.
let optimizedInTests: Set = [
  "Kernels", "Archives", "HDF5", "HDF5Writing", "Tensors", "Layers", "Search", "LinearAlgebra",
]
let optimized: [SwiftSetting] = isTestsBuild ? [.unsafeFlags(["-Xfrontend", "-O"])] : []
/// The last and largest modules, which everything else has been built for when their turn comes: their files are compiled in
/// parts, one for each processor, instead of as a whole.
let inPartsInTests: Set = ["Commands", "CommandTests"]
let inParts: [SwiftSetting] =
  isTestsBuild ? [.unsafeFlags(["-no-whole-module-optimization", "-enable-batch-mode"])] : []

/// What modules are built with.
func settings(_ name: String) -> [SwiftSetting] {
  (optimizedInTests.contains(name) ? optimized : []) + (inPartsInTests.contains(name) ? inParts : [])
}

// Traits choose parts that need other packages, which nobody else fetches: `swift build --traits TensorBoard`.
let protobuf: Target.Dependency = .product(
  name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["TensorBoard", "ONNX"]))
let hummingbird: Target.Dependency = .product(
  name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Server"]))
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// What modules with protobuf messages of their own have beside Swift files.
let protobufSources = ["TensorBoard": ["event.proto"], "ONNX": ["onnx.proto"]]

/// A Swift module `Aviary<name>` in the folder `Sources/<name>`: folders read plainly, modules clash with nobody's.
func module(
  _ name: String, path: String? = nil, _ dependencies: [Target.Dependency], linking: [LinkerSetting] = []
) -> Target {
  .target(
    name: "Aviary" + name,
    dependencies: dependencies
      + (name == "Diagnostics" || name == "Platform" ? [] : ["AviaryDiagnostics", "AviaryPlatform"]),
    path: path ?? "Sources/" + name, exclude: protobufSources[name] ?? [],
    swiftSettings: safe + settings(name), linkerSettings: linking)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: "Aviary" + name + "Tests",
    dependencies: [.byName(name: "Aviary" + name), "AviaryTestSupport"] + dependencies,
    path: "Tests/" + name + "Tests", resources: resources, swiftSettings: settings(name + "Tests"))
}

let package = Package(
  name: "aviary",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Aviary", targets: ["Aviary"]),
    // HDF5 alone: reading needs nothing but zlib, writing needs libhdf5.
    .library(name: "AviaryHDF5", targets: ["AviaryHDF5"]),
    .library(name: "AviaryHDF5Writing", targets: ["AviaryHDF5Writing"]),
    // Linear algebra through LAPACK, which only a program that imports it links.
    .library(name: "AviaryLinearAlgebra", targets: ["AviaryLinearAlgebra"]),
    // Explanations of decisions, which only a program that imports it links.
    .library(name: "AviaryExplanations", targets: ["AviaryExplanations"]),
    // Published weights and data by name: the only module with networking, which only a program that imports it links.
    .library(name: "AviaryHub", targets: ["AviaryHub"]),
    // Drawings, charts and contact sheets as PNG and SVG; Pango and Cairo are opened at the first picture.
    .library(name: "AviaryPictures", targets: ["AviaryPictures"]),
    // SQLite databases, and the search for settings that is kept in one, which only programs that import them link.
    .library(name: "AviarySQLite", targets: ["AviarySQLite"]),
    .library(name: "AviarySearch", targets: ["AviarySearch"]),
    // Event files for TensorBoard, of the trait of that name.
    .library(name: "AviaryTensorBoard", targets: ["AviaryTensorBoard"]),
    // Networks as ONNX files, of the trait of that name.
    .library(name: "AviaryONNX", targets: ["AviaryONNX"]),
    .executable(name: "aviary", targets: ["AviaryCommand"]),
    // The commands of `aviary` for a program that adds networks of its own.
    .library(name: "AviaryCommands", targets: ["AviaryCommands"]),
    .executable(name: "aviary-bench", targets: ["AviaryBench"]),
    // `aviary serve`, of the trait Server.
    .executable(name: "aviary-serve", targets: ["AviaryServe"]),
    // Training by several processes, of the trait MPI.
    .library(name: "AviaryMPI", targets: ["AviaryMPI"]),
    .executable(name: "aviary-mpi", targets: ["AviaryMPICommand"]),
  ],
  traits: [
    .trait(
      name: "TensorBoard", description: "aviary train --tensorboard, and AviaryTensorBoard: needs swift-protobuf."),
    .trait(name: "ONNX", description: "aviary convert MODEL MODEL.onnx, and AviaryONNX: needs swift-protobuf."),
    .trait(name: "Server", description: "aviary serve, which is aviary-serve: needs hummingbird."),
    .trait(name: "MPI", description: "aviary-mpi, training by several processes: needs Open MPI (libopenmpi-dev)."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // Without the traits of its own, which add what is not used here.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.33.0", traits: []),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.16.0", traits: []),
  ],
  targets: [
    // C libraries, each behind a module map or a small shim.
    .systemLibrary(
      name: "CHDF5", path: "Sources/CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Sources/CImageCodecs/TurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CJPEG", path: "Sources/CImageCodecs/JPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CSpng", path: "Sources/CImageCodecs/Spng", pkgConfig: "spng",
      providers: [.apt(["libspng-dev"]), .brew(["libspng"])]),
    .systemLibrary(
      name: "CWebP", path: "Sources/CImageCodecs/WebP", pkgConfig: "libwebp",
      providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
    .systemLibrary(
      name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    .systemLibrary(
      name: "CMPI", path: "Sources/CMPI", pkgConfig: "ompi-c",
      providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    .systemLibrary(name: "CLAPACK", path: "Sources/CLAPACK", providers: [.apt(["liblapack-dev"])]),
    .target(
      name: "CImageCodecs", dependencies: ["CTurboJPEG", "CJPEG", "CSpng", "CWebP", "CZlib"],
      path: "Sources/CImageCodecs/Shim"),
    // Without the trait it is empty, so that the build needs no Open MPI.
    .target(
      name: "COpenMPI", dependencies: [.target(name: "CMPI", condition: .when(traits: ["MPI"]))],
      path: "Sources/COpenMPI", cSettings: [.define("AVIARY_MPI", .when(traits: ["MPI"]))]),
    .target(name: "CKernels", dependencies: ["CPlatform"], path: "Sources/CKernels"),
    .target(name: "CPlatform", path: "Sources/CPlatform"),
    // For aviary-bench alone: it counts the allocations of the whole process.
    .target(name: "CAllocations", path: "Sources/CAllocations"),
    // For aviary alone: it ends the whole process where memory runs out.
    .target(name: "COutOfMemory", path: "Sources/COutOfMemory"),
    .target(
      name: "COneDNN", dependencies: ["CKernels"], path: "Sources/COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),

    // The library, from the bottom to the top.
    module("Diagnostics", []),
    module("Platform", ["CPlatform"]),
    module("Kernels", ["COneDNN", "CKernels"]),
    module("Archives", ["CZlib", "CKernels", "CPlatform"]),
    module("HDF5", ["AviaryArchives"]),
    module("HDF5Writing", ["AviaryHDF5", "AviaryArchives", "CHDF5"]),
    module("Tensors", ["AviaryKernels"]),
    module(
      "LinearAlgebra", ["AviaryTensors", "CLAPACK"],
      linking: [
        .linkedLibrary("lapack", .when(platforms: [.linux])),
        .linkedFramework("Accelerate", .when(platforms: [.macOS])),
      ]),
    module("Datasets", ["AviaryTensors", "AviaryKernels", "AviaryArchives", "CImageCodecs", "CKernels"]),
    module("Layers", ["AviaryTensors"]),
    module("Checkpoints", ["AviaryLayers", "AviaryArchives", "AviaryHDF5", "AviaryHDF5Writing", "AviaryTensors"]),
    module("Models", path: "Models", ["AviaryLayers", "AviaryCheckpoints"]),
    module("Keras", ["AviaryModels", "AviaryLayers", "AviaryCheckpoints"]),
    module("Training", ["AviaryLayers", "AviaryDatasets", "AviaryCheckpoints", "AviaryArchives", "CPlatform"]),
    .target(
      name: "Aviary",
      dependencies: [
        "AviaryTensors", "AviaryLayers", "AviaryDatasets", "AviaryCheckpoints", "AviaryModels", "AviaryKeras",
        "AviaryTraining",
      ], path: "Sources/Aviary", swiftSettings: safe),
    module("Hub", ["AviaryCheckpoints", "AviaryArchives"]),
    module("Explanations", ["AviaryLayers", "AviaryTensors"]),
    module("Pictures", ["AviaryArchives"]),
    module("SQLite", ["AviaryArchives", "CSQLite"]),
    module("Search", ["AviarySQLite", "AviaryKernels"]),
    module("TensorBoard", ["AviaryTraining", "AviaryLayers", "AviaryTensors", "AviaryArchives", protobuf]),
    module(
      "ONNX",
      [
        "AviaryKeras", "AviaryModels", "AviaryCheckpoints", "AviaryDatasets", "AviaryLayers", "AviaryTensors",
        "AviaryArchives", protobuf,
      ]),
    module(
      "Commands",
      [
        "Aviary", "AviaryExplanations", "AviaryHub", "AviaryPictures", "AviarySQLite", "AviarySearch", "AviaryArchives",
        "CPlatform", argumentParser,
        .target(name: "AviaryTensorBoard", condition: .when(traits: ["TensorBoard"])),
        .target(name: "AviaryONNX", condition: .when(traits: ["ONNX"])),
      ]),
    .executableTarget(
      name: "AviaryCommand", dependencies: ["AviaryCommands", "COutOfMemory"], path: "Sources/Command",
      swiftSettings: safe),
    .executableTarget(
      name: "AviaryBench",
      dependencies: [
        "Aviary", "AviaryArchives", "AviaryKernels", "AviaryCommands", "AviaryExplanations", "AviaryPictures",
        "CAllocations", argumentParser,
      ],
      path: "Sources/Bench", swiftSettings: safe),
    module(
      "Serving", ["Aviary", "AviaryExplanations", "AviaryPictures", "AviaryArchives", "AviaryKernels", hummingbird]),
    .executableTarget(
      name: "AviaryServe",
      dependencies: ["AviaryServing", "Aviary", "AviaryArchives", "AviaryPlatform", "AviaryCommands", argumentParser],
      path: "Sources/Serve", swiftSettings: safe),
    module("MPI", ["AviaryTraining", "AviaryTensors", "COpenMPI"]),
    .executableTarget(
      name: "AviaryMPICommand", dependencies: ["AviaryMPI", "AviaryCommands", "COutOfMemory"],
      path: "Sources/MPICommand",
      swiftSettings: safe),

    // Feeds the readers with damaged files: see tools/fuzz.
    .executableTarget(
      name: "AviaryFuzz",
      dependencies: [
        "Aviary", "AviaryArchives", "AviaryHDF5", "AviaryHub", "AviarySearch", "AviarySQLite", "AviaryServing",
        argumentParser,
      ],
      path: "Tests/Fuzz",
      swiftSettings: safe),

    // Tests mirror the source folders.
    .target(
      name: "AviaryTestSupport",
      dependencies: ["AviaryTensors", "AviaryLayers", "AviaryDatasets", "AviaryCheckpoints"],
      path: "Tests/Support"),
    tests("Kernels", ["CKernels", "CPlatform"]),
    tests("Archives", resources: [.copy("Goldens")]),
    tests("HDF5", ["AviaryHDF5Writing"], resources: [.copy("Goldens")]),
    tests("Tensors", ["AviaryLayers"], resources: [.copy("Goldens")]),
    tests("LinearAlgebra", resources: [.copy("Goldens")]),
    tests("Datasets", resources: [.copy("Goldens")]),
    tests("Layers", resources: [.copy("Goldens")]),
    tests("Checkpoints", ["AviaryDatasets", "AviaryModels", "AviaryKeras"], resources: [.copy("Goldens")]),
    tests("Models", ["AviaryDatasets"], resources: [.copy("Goldens")]),
    tests("Hub", ["Aviary", "AviaryArchives"]),
    tests("Explanations", ["AviaryModels"], resources: [.copy("Goldens")]),
    tests(
      "Keras", ["AviaryModels", "AviaryExplanations", "AviaryHDF5", "AviaryHDF5Writing"], resources: [.copy("Goldens")]),
    tests("TensorBoard", ["AviaryTraining", "AviaryTensors"]),
    tests("ONNX", ["AviaryKeras", "AviaryModels", "AviaryLayers", "AviaryTensors"]),
    tests("Training", ["AviaryModels"], resources: [.copy("Goldens")]),
    tests("Pictures", ["AviaryArchives", "AviaryDatasets"]),
    tests("SQLite"),
    tests("Search", ["AviarySQLite"], resources: [.copy("Goldens")]),
    tests("Serving", ["Aviary", "AviaryArchives", "AviaryExplanations", "AviaryPictures"]),
    tests(
      "Command", ["Aviary", "AviaryArchives", "AviaryBench", "AviaryServe", "AviarySQLite"],
      resources: [.copy("Goldens")]),
    .testTarget(name: "AviaryFuzzTests", dependencies: ["AviaryFuzz"], path: "Tests/FuzzTests"),
  ],
  cxxLanguageStandard: .cxx17
)
