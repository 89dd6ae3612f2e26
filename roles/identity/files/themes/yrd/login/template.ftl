<#-- One frame for every page. A message may hold both languages, divided by a bar: each gets a line of its own. -->
<#macro both text>
<#list text?split("‖") as part>
<span class="tongue" <#if text?contains("‖")>lang="${(part?index == 0)?then('zh-CN', 'en')}"</#if>>${kcSanitize(part?trim)?no_esc}</span>
</#list>
</#macro>
<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false>
<!DOCTYPE html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>${msg("loginTitle", (realm.displayName!''))}</title>
<link rel="icon" href="data:,">
<#list properties.styles?split(' ') as style>
<link rel="stylesheet" href="${url.resourcesPath}/${style}">
</#list>
<#-- WebAuthn cannot do without scripts; no other page has one. -->
<#if scripts??>
<script type="importmap">{"imports": {"rfc4648": "${url.resourcesCommonPath}/vendor/rfc4648/rfc4648.js"}}</script>
<#list scripts as script>
<script src="${script}" type="text/javascript"></script>
</#list>
</#if>
</head>
<body data-page-id="login-${pageId}">
<a class="skip" href="#kc-content">${msg("yrdSkip")}</a>
<header>
<div class="wide">
<p class="name" id="kc-header">${realm.displayName!realm.name}</p>
<#if realm.internationalizationEnabled && locale.supported?size gt 1>
<p class="tongues"><#list locale.supported as l><#if l.languageTag != locale.currentLanguageTag><a href="${l.url}" hreflang="${l.languageTag}" lang="${l.languageTag}">${l.label}</a></#if></#list></p>
</#if>
</div>
</header>
<main id="kc-content">
<div class="box<#if message?has_content && message.type == 'error'> bad</#if>">
<h1 id="kc-page-title"><#nested "header"></h1>
<#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
<#nested "show-username">
<p id="kc-username">${msg("username")}: <strong id="kc-attempted-username">${auth.attemptedUsername}</strong> <a id="reset-login" href="${url.loginRestartFlowUrl}">${msg("restartLoginTooltip")}</a></p>
</#if>
<#if displayMessage && message?has_content && (message.type != 'warning' || !isAppInitiatedAction??)>
<div class="alert ${message.type}" role="alert"><@both text=message.summary/></div>
</#if>
<#nested "form">
<#if auth?has_content && auth.showTryAnotherWayLink()>
<form id="kc-select-try-another-way-form" action="${url.loginAction}" method="post"><input type="hidden" name="tryAnotherWay" value="on"><button class="second" id="try-another-way">${msg("doTryAnotherWay")}</button></form>
</#if>
<#nested "socialProviders">
<#if displayInfo><div id="kc-info"><#nested "info"></div></#if>
</div>
</main>
<footer><p>${msg("yrdHelp")}</p></footer>
</body>
</html>
</#macro>
