import AviaryArchives

/// The functions of Cairo, Pango and GObject that draw, found in the library that has them all below it.
///
/// The library is opened at the first picture, not with the program: with it some forty others are loaded, which would
/// lengthen every start of a command by a quarter.
@safe struct PangoCairo: Sendable {
  typealias Handle = OpaquePointer?
  typealias Call = @convention(c) @Sendable (Handle) -> Void
  typealias Status = @convention(c) @Sendable (Handle) -> Int32
  typealias Numbers1 = @convention(c) @Sendable (Handle, Double) -> Void
  typealias Numbers2 = @convention(c) @Sendable (Handle, Double, Double) -> Void
  typealias Numbers4 = @convention(c) @Sendable (Handle, Double, Double, Double, Double) -> Void
  typealias Numbers5 = @convention(c) @Sendable (Handle, Double, Double, Double, Double, Double) -> Void
  typealias Choice = @convention(c) @Sendable (Handle, Int32) -> Void
  typealias Pair = @convention(c) @Sendable (Handle, Handle) -> Void
  typealias Write = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, UInt32) -> Int32

  /// `libpangocairo-1.0`, which depends on the others.
  static let library = OptionalLibrary(
    stem: "pangocairo-1.0", version: 0, debian: "libpangocairo-1.0-0", homebrew: "pango")

  /// The functions, looked up once.
  static let loaded = Result { () throws(LibraryFault) in try PangoCairo(library) }

  static func get() throws(PictureFault) -> PangoCairo {
    do throws(LibraryFault) { return try loaded.get() } catch { throw .library(error) }
  }

  // Surfaces
  let surfaceCreate: @convention(c) @Sendable (Int32, Int32, Int32) -> Handle
  let surfaceData: @convention(c) @Sendable (Handle) -> UnsafeMutablePointer<UInt8>?
  let surfaceStride: Status
  let surfaceFlush: Call
  let surfaceMarkDirty: Call
  let surfaceStatus: Status
  let surfaceDestroy: Call
  let surfaceWrite: @convention(c) @Sendable (Handle, Write?, UnsafeMutableRawPointer?) -> Int32
  let statusText: @convention(c) @Sendable (Int32) -> UnsafePointer<CChar>?

  // Contexts
  let create: @convention(c) @Sendable (Handle) -> Handle
  let destroy: Call
  let status: Status
  let save: Call
  let restore: Call
  let scale: Numbers2
  let translate: Numbers2
  let rotate: Numbers1
  let setColor: Numbers4
  let setSurface: @convention(c) @Sendable (Handle, Handle, Double, Double) -> Void
  let source: @convention(c) @Sendable (Handle) -> Handle
  let setFilter: Choice
  let setExtend: Choice
  let setLineWidth: Numbers1
  let setLineJoin: Choice
  let setDash: @convention(c) @Sendable (Handle, UnsafePointer<Double>?, Int32, Double) -> Void
  let newPath: Call
  let moveTo: Numbers2
  let lineTo: Numbers2
  let closePath: Call
  let rectangle: Numbers4
  let arc: Numbers5
  let fill: Call
  let fillPreserve: Call
  let stroke: Call
  let clip: Call
  let paint: Call

  // Text
  let layoutCreate: @convention(c) @Sendable (Handle) -> Handle
  let layoutShow: Pair
  let layoutSetText: @convention(c) @Sendable (Handle, UnsafePointer<CChar>?, Int32) -> Void
  let layoutSetFont: Pair
  let layoutSetSingleParagraph: Choice
  let layoutSize: @convention(c) @Sendable (Handle, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?) -> Void
  let layoutBaseline: Status
  let layoutUnknownGlyphs: Status
  let unref: Call
  let fontCreate: @convention(c) @Sendable () -> Handle
  let fontFree: Call
  let fontSetFamily: @convention(c) @Sendable (Handle, UnsafePointer<CChar>?) -> Void
  let fontSetSize: Numbers1
  let fontSetWeight: Choice

  init(_ library: OptionalLibrary) throws(LibraryFault) {
    unsafe surfaceCreate = try library.function("cairo_image_surface_create")
    unsafe surfaceData = try library.function("cairo_image_surface_get_data")
    unsafe surfaceStride = try library.function("cairo_image_surface_get_stride")
    unsafe surfaceFlush = try library.function("cairo_surface_flush")
    unsafe surfaceMarkDirty = try library.function("cairo_surface_mark_dirty")
    unsafe surfaceStatus = try library.function("cairo_surface_status")
    unsafe surfaceDestroy = try library.function("cairo_surface_destroy")
    unsafe surfaceWrite = try library.function("cairo_surface_write_to_png_stream")
    unsafe statusText = try library.function("cairo_status_to_string")
    unsafe create = try library.function("cairo_create")
    unsafe destroy = try library.function("cairo_destroy")
    unsafe status = try library.function("cairo_status")
    unsafe save = try library.function("cairo_save")
    unsafe restore = try library.function("cairo_restore")
    unsafe scale = try library.function("cairo_scale")
    unsafe translate = try library.function("cairo_translate")
    unsafe rotate = try library.function("cairo_rotate")
    unsafe setColor = try library.function("cairo_set_source_rgba")
    unsafe setSurface = try library.function("cairo_set_source_surface")
    unsafe source = try library.function("cairo_get_source")
    unsafe setFilter = try library.function("cairo_pattern_set_filter")
    unsafe setExtend = try library.function("cairo_pattern_set_extend")
    unsafe setLineWidth = try library.function("cairo_set_line_width")
    unsafe setLineJoin = try library.function("cairo_set_line_join")
    unsafe setDash = try library.function("cairo_set_dash")
    unsafe newPath = try library.function("cairo_new_path")
    unsafe moveTo = try library.function("cairo_move_to")
    unsafe lineTo = try library.function("cairo_line_to")
    unsafe closePath = try library.function("cairo_close_path")
    unsafe rectangle = try library.function("cairo_rectangle")
    unsafe arc = try library.function("cairo_arc")
    unsafe fill = try library.function("cairo_fill")
    unsafe fillPreserve = try library.function("cairo_fill_preserve")
    unsafe stroke = try library.function("cairo_stroke")
    unsafe clip = try library.function("cairo_clip")
    unsafe paint = try library.function("cairo_paint")
    unsafe layoutCreate = try library.function("pango_cairo_create_layout")
    unsafe layoutShow = try library.function("pango_cairo_show_layout")
    unsafe layoutSetText = try library.function("pango_layout_set_text")
    unsafe layoutSetFont = try library.function("pango_layout_set_font_description")
    unsafe layoutSetSingleParagraph = try library.function("pango_layout_set_single_paragraph_mode")
    unsafe layoutSize = try library.function("pango_layout_get_size")
    unsafe layoutBaseline = try library.function("pango_layout_get_baseline")
    unsafe layoutUnknownGlyphs = try library.function("pango_layout_get_unknown_glyphs_count")
    unsafe unref = try library.function("g_object_unref")
    unsafe fontCreate = try library.function("pango_font_description_new")
    unsafe fontFree = try library.function("pango_font_description_free")
    unsafe fontSetFamily = try library.function("pango_font_description_set_family")
    unsafe fontSetSize = try library.function("pango_font_description_set_absolute_size")
    unsafe fontSetWeight = try library.function("pango_font_description_set_weight")
  }
}
