import ArgumentParser
import Aviary

/// How numbers become brightness.
enum Brightness: String, CaseIterable, ExpressibleByArgument {
  /// Each picture from its least number to its greatest.
  case each
  /// All pictures of a layer from their least number to their greatest.
  case layer
  /// As `layer`, with zero in the middle.
  case zero
}

/// `LAYER:CHANNEL`, or several channels.
struct ChannelArgument: ExpressibleByArgument, Sendable {
  let layer: String
  let channels: [Int]

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), colon != argument.startIndex else { return nil }
    let numbers = argument[argument.index(after: colon)...]
      .split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard !numbers.contains(nil), numbers.count <= 64, numbers.allSatisfy({ ($0 ?? -1) >= 0 }) else { return nil }
    layer = String(argument[..<colon])
    channels = numbers.compactMap { $0 }
  }
}

/// What is shown of a network.
struct NetworkPictureOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Show the filters of a layer.", valueName: "layer")) var filters: String?
  @Option(help: ArgumentHelp("Show what layers make of a photograph; --layers names them.", valueName: "photo"))
  var maps: String?
  @Option(help: ArgumentHelp("The layers of --maps (the first convolution or linear layer).", valueName: "a,b,c"))
  var layers: String?
  @Option(
    help: ArgumentHelp(
      "Also write what the layers of --maps put out, whole, and what the network is given, 'input', as arrays.",
      valueName: "file.npz"))
  var numbers: String?
  @Option(
    help: ArgumentHelp(
      "Show the pictures that excite channels of a layer most, found by gradient ascent: conv1:0,5,9.",
      valueName: "layer:channel,..."))
  var maximize: ChannelArgument?
  @Option(help: ArgumentHelp("Show the parts of images that excite the channels of a layer most.", valueName: "layer"))
  var patches: String?
  @Flag(help: "Show the features of images in two dimensions, coloured by class.") var embed = false
  @Flag(help: "Show the network as a graph of its operations.") var graph = false
  @Option(help: ArgumentHelp("The images of --patches and --embed.", valueName: "data")) var data: String?
  @Option(
    help: ArgumentHelp(
      "What is black and white: of each filter or map by itself, of the whole layer, or with grey for zero (each).",
      valueName: "how"))
  var normalize: Brightness = .each
  @Option(parsing: .unconditional, help: ArgumentHelp("Steps of --maximize (128).", valueName: "n")) var steps: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("By how many pixels --maximize moves the picture at most in each step (4).", valueName: "n"))
  var jitter: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The deviation of --maximize's blur in pixels; 0 for none (0.5).", valueName: "x"))
  var blur: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How much of the contrast --maximize takes away in each step (0.005).", valueName: "x"))
  var decay: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The weight of the total variation in --maximize (0.05).", valueName: "x"))
  var totalVariation: Double?

  /// What was asked for: at most one is allowed.
  private var asked: [(name: String, isGiven: Bool)] {
    [
      ("--filters", filters != nil), ("--maps", maps != nil), ("--maximize", maximize != nil),
      ("--patches", patches != nil), ("--embed", embed), ("--graph", graph),
    ]
  }

  var isGiven: Bool { asked.contains(where: \.isGiven) }

  func validate() throws {
    let given = asked.filter(\.isGiven).map(\.name)
    if given.count > 1 { throw ValidationError("\(given[0]) and \(given[1]) exclude each other") }
    func require(_ option: String, _ isSet: Bool, _ owners: String...) throws {
      if isSet, !owners.contains(where: given.contains) {
        throw ValidationError("\(option) is for \(owners.joined(separator: " and "))")
      }
    }
    try require("--layers", layers != nil, "--maps")
    try require("--numbers", numbers != nil, "--maps")
    if let numbers, !numbers.lowercased().hasSuffix(".npz") {
      throw ValidationError("--numbers \(numbers): arrays are written as .npz")
    }
    try require("--data", data != nil, "--patches", "--embed")
    try require("--normalize", normalize != .each, "--filters", "--maps")
    for (name, isSet) in [
      ("--steps", steps != nil), ("--jitter", jitter != nil), ("--blur", blur != nil), ("--decay", decay != nil),
      ("--total-variation", totalVariation != nil),
    ] {
      try require(name, isSet, "--maximize")
    }
    if data == nil, patches != nil || embed { throw ValidationError("\(given[0]) needs --data with images") }
    try checkOption("--steps", steps, in: 1...100_000)
    try checkOption("--jitter", jitter, in: 0...64)
    try checkOption("--blur", blur, "from 0 to 16") { (0...16).contains($0) }
    try checkOption("--decay", decay, "from 0 to 1") { (0...1).contains($0) }
    try checkOption("--total-variation", totalVariation, "from 0 to 1000") { (0...1000).contains($0) }
  }

  func maximization(seed: UInt64) -> ActivationMaximization {
    var result = ActivationMaximization()
    result.seed = seed
    if let steps { result.steps = steps }
    if let jitter { result.jitter = jitter }
    if let blur { result.blur = Float(blur) }
    if let decay { result.decay = Float(decay) }
    if let totalVariation { result.totalVariation = Float(totalVariation) }
    return result
  }
}
