import ArgumentParser
import Aviary
import AviaryArchives
import AviaryPictures

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Draw pictures of images and of networks.",
    discussion: """
      Of images: SUBJECT is an image folder, a folder of IDX or CIFAR files, a folder of photographs, or one image. Without more, the \
      contact sheet has some images of each class. --augment shows one photograph as training sees it: its random crops, \
      each random change by itself, and all together. --predict titles images with what a checkpoint says of them, the \
      most confident mistakes first, right answers in green with a tick, wrong ones in red with a cross.

      Of a network: SUBJECT is a checkpoint, and one of --filters, --maps, --maximize, --patches, --embed and --graph says \
      what is drawn. Layers are named as in aviary inspect: features.0, layer4.1.
      """)

  @Argument(help: "The images, or a checkpoint.") var subject: String
  @OptionGroup var picture: PictureOptions
  @Flag(help: "Show one photograph as training sees it.") var augment = false
  @Option(
    help: ArgumentHelp(
      "The random changes of --augment, as train takes them: standard, or a list such as standard,rotation=15,erasing=0.25 (standard).",
      valueName: "changes"))
  var changes: AugmentationArgument?
  @Option(help: ArgumentHelp("The photograph for --augment (one that the seed chooses).", valueName: "image"))
  var photo: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The side of what training sees (224; that of IDX and CIFAR files).", valueName: "n"))
  var imageSize: Int?
  @Option(help: ArgumentHelp("A checkpoint whose predictions title the images.", valueName: "checkpoint"))
  var predict: String?
  @Option(
    help: ArgumentHelp(
      "The part of the data: train, validation, test or all (train; with --predict what evaluate would take).",
      valueName: "part"))
  var part: EvaluationPart?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Images of each class (8; 1 of more than 20 classes); with --augment of each change (8); with --predict in all (48); filters, maps or channels.",
      valueName: "n"))
  var count: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of what is chosen at random.", valueName: "n"))
  var seed: UInt64 = 0
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup(title: "Of a network") var network: NetworkPictureOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    if augment, predict != nil { throw ValidationError("--augment and --predict exclude each other") }
    if network.isGiven, augment || predict != nil {
      throw ValidationError("\(augment ? "--augment" : "--predict") is for images, not for a checkpoint")
    }
    for (name, isGiven) in [
      ("--changes", changes != nil), ("--photo", photo != nil), ("--image-size", imageSize != nil),
    ] where isGiven && !augment {
      throw ValidationError("\(name) is for --augment")
    }
    if let reason = changes?.unheeded { throw ValidationError("--changes: \(reason)") }
    if changes != nil, changes?.augmentation == nil {
      throw ValidationError("--changes none: there is nothing to show")
    }
    // What is read of a folder, or of a checkpoint, only counts where there is one.
    if network.isGiven, network.data == nil {
      let heeded = ["--threads"]
      let lost = reading.givenOptions.filter { !heeded.contains($0) } + (part == nil ? [] : ["--part"])
      if let option = lost.first { throw ValidationError("\(option) is for images, and none are read") }
    }
    if !network.isGiven, predict == nil {
      // Reading in place and its checks are on by default.
      let lost = source.givenOptions.filter { !["--map", "--verify"].contains($0) }
      if let option = lost.first { throw ValidationError("\(option) is for a checkpoint, and none is read") }
    }
    try checkOption("--count", count, in: 1...1000)
    try checkOption("--image-size", imageSize, in: 1...1024)
  }

  func run() throws {
    try picture.check()
    reading.setThreads()
    if network.isGiven { return try showNetwork() }
    let data = try weights.dataPath(subject)
    if let predict {
      let loaded = try LoadedModel(predict, source, weights: weights, needsHead: true)
      let part = try DataPart.forEvaluation(
        data, classes: loaded.predictor.namesClasses ? loaded.classes : nil, limit: reading.limit, part,
        of: loaded.predictor.metadata, loaded.path)
      guard part.folder.classes.count == loaded.model.configuration.outputs else {
        throw CommandFault.classCount(
          source: data, found: part.folder.classes.count, expected: loaded.model.configuration.outputs)
      }
      part.announce(data)
      return try finish(
        PredictionSheet(part, loaded, count: count ?? 48, workers: reading.workers ?? availableCores(), data: data))
    }
    let images = try ShownImages(data, part: part, limit: reading.limit)
    if augment {
      return try finish(
        AugmentationSheet(
          images, photo: photo, changes: changes?.augmentation ?? .standard, size: imageSize, count: count ?? 8,
          seed: seed))
    }
    try finish(SampleSheet(images, count: count, seed: seed))
  }

  private func showNetwork() throws {
    let loaded = try LoadedModel(subject, source, weights: weights, needsHead: false)
    let pictures = NetworkPictures(loaded: loaded, count: count, seed: seed)
    let result = try drawn(pictures)
    try picture.write(result.drawing)
    if json {
      printJSON(JSONValue.members(["output": .text(picture.output), "summary": .text(result.summary)]))
    } else {
      show("\(picture.output): \(result.summary)")
    }
  }

  private func drawn(_ pictures: NetworkPictures) throws -> NetworkPictures.Result {
    if let layer = network.filters { return try pictures.filters(layer, network.normalize) }
    if let photo = network.maps {
      let maps = try pictures.maps(photo, layers: network.layers, network.normalize)
      if let numbers = network.numbers { try maps.arrays.write(to: numbers, force: picture.force) }
      return maps.result
    }
    if let channels = network.maximize { return try pictures.maximal(channels, network.maximization(seed: seed)) }
    guard let data = network.data else { return try pictures.graph() }
    let path = try weights.dataPath(data)
    // Images of any classes are looked at; packed ones without names have the network's, if they are as many.
    let packed = PackedDataset.isPresent(at: path) && pictures.loaded.predictor.namesClasses
    func found(_ classes: [String]?) throws -> DataPart {
      try DataPart.forEvaluation(
        path, classes: classes, limit: reading.limit, self.part, of: pictures.loaded.predictor.metadata,
        pictures.loaded.path
      )
    }
    let part = try packed ? (try? found(pictures.loaded.classes)) ?? found(nil) : found(nil)
    part.announce(data)
    if let layer = network.patches { return try pictures.patches(layer, part, reading) }
    return try pictures.embedding(part, reading)
  }

  private func finish(_ result: some DataSheet) throws {
    for image in result.skipped { tell("skipped: \(image.reason)") }
    try reading.checkSkipped(result.skipped, of: result.tried)
    try picture.write(result.sheet.drawing())
    if json {
      let members =
        [.init("output", .text(picture.output)), .init("images", .integer(result.images))] + result.members
        + [.init("skipped", .texts(result.skipped.map(\.reason)))]
      return printJSON(JSONValue.object(members))
    }
    let skipped = result.skipped.isEmpty ? "" : ", \(result.skipped.count) skipped"
    show("\(picture.output): \(result.summary)\(skipped)")
  }
}

/// A contact sheet of data, and what it shows in numbers.
protocol DataSheet {
  var sheet: ContactSheet { get }
  /// How many images are on it.
  var images: Int { get }
  /// The images that are not on it although they should be, and why.
  var skipped: [(path: String, reason: String)] { get }
  /// How many images were to be read for it.
  var tried: Int { get }
  /// One line.
  var summary: String { get }
  /// More for --json.
  var members: [JSONValue.Member] { get }
}
