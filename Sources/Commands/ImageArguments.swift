import ArgumentParser
import Aviary

/// How images are prepared, augmented and mixed.
struct ImageArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The side of the images (the checkpoint's, else the architecture's).", valueName: "n"))
  var imageSize: Int?
  @Option(
    help: ArgumentHelp(
      "Random changes: none, standard (random resized crops and horizontal flips), or a list of standard, flip, vertical-flip, randaugment or randaugment=MAGNITUDE/CHANGES, trivialaugment, rotation=DEGREES, shift=, width-shift=, height-shift=, shear=DEGREES, zoom=, fill=constant|nearest|reflect|wrap, fill-value=, brightness=, contrast=, saturation=, hue=, channel-shift=, noise=, erasing=, crop-scale=A..B, crop-ratio=A..B (standard; none with a frozen backbone and for IDX and CIFAR files).",
      valueName: "changes"))
  var augment: AugmentationArgument?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The smallest fraction of an image's area that a random crop keeps, or a range such as 0.5..1 (0.08).",
      valueName: "x"))
  var cropScale: RangeArgument?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The proportions of random crops, width over height, as a range, or its lower end below 1 (0.75..1.3333).",
      valueName: "a..b"))
  var cropRatio: RangeArgument?
  @Option(
    help: ArgumentHelp(
      "Normalize each image by its own mean (center), or by its own mean and deviation (standard), instead of by those of all images (none).",
      valueName: "way"))
  var samplewise: Preprocessing.Samplewise?
  @Flag(
    inversion: .prefixedNo,
    help: "Evaluate on centre crops with a margin, as torchvision does, instead of on the largest square (on).")
  var cropMargin: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Compute the features of a frozen backbone once and keep them, unless images are augmented (on).")
  var featureCache: Bool?
  @Option(
    help: ArgumentHelp(
      "The class names of IDX and CIFAR files in the order of their numbers: a list, or a file with one per line.",
      valueName: "a,b,c|file"))
  var classes: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("Mixup's alpha (0).", valueName: "x"))
  var mixup: Double?
  @Option(parsing: .unconditional, help: ArgumentHelp("CutMix's alpha (0).", valueName: "x"))
  var cutmix: Double?

  func validate() throws {
    if let classes {
      do throws(CommandFault) { _ = try SourceOptions.classNames(classes) } catch { throw ValidationError("\(error)") }
    }
    try checkOption("--image-size", imageSize, in: 1...8192)
    try checkOption("--crop-scale", cropScale, "above 0 and at most 1") { $0.upTo(1) != nil }
    try checkOption("--crop-ratio", cropRatio, "a range from 0.001 to 1000, or a number above 0 and at most 1") {
      $0.around(1).map { $0.lowerBound >= 0.001 && $0.upperBound <= 1000 } ?? false
    }
    if let reason = augment?.unheeded { throw ValidationError("--augment: \(reason)") }
    if let augment, augment.augmentation == nil,
      let option = cropScale.map({ _ in "--crop-scale" }) ?? cropRatio.map({ _ in "--crop-ratio" })
    {
      throw ValidationError(
        "\(option) is for random crops, and --augment none leaves them out; leave out one of the two")
    }
    for (name, alpha) in [("--mixup", mixup), ("--cutmix", cutmix)] {
      try checkOption(name, alpha, "from 0 to 100") { $0 >= 0 && $0 <= 100 }
    }
    if let mixup, let cutmix, mixup > 0, cutmix > 0 { throw ValidationError("--mixup and --cutmix exclude each other") }
  }

  /// The augmentation that was asked for, or the default.
  func augmentation(default usual: Augmentation?) -> Augmentation? { augment.map(\.augmentation) ?? usual }

  /// - Parameters:
  ///   - usual: the augmentation if none was asked for.
  ///   - limit: the most images of each class.
  func options(usual: Augmentation?, limit: Int?) throws -> ImageOptions {
    var images = ImageOptions()
    images.classes = try classes.map(SourceOptions.classNames)
    images.imageSize = imageSize
    images.augmentation = augmentation(default: usual)
    // Whoever says how crops are drawn asks for them, also where nothing changes by default.
    if cropScale != nil || cropRatio != nil { images.augmentation = images.augmentation ?? .wholeImage }
    if let scale = cropScale?.upTo(1) { images.augmentation?.scale = scale }
    if let ratio = cropRatio?.around(1) { images.augmentation?.ratio = ratio }
    images.samplewise = samplewise
    images.hasCropMargin = cropMargin
    images.usesFeatureCache = featureCache ?? images.usesFeatureCache
    images.mixup = mixup ?? 0
    images.cutMix = cutmix ?? 0
    images.limit = limit
    return images
  }
}
